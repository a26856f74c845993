// What the tests of preparation share: painted inputs and stand-ins for the face detector and the parser.
#pragma once
#include <fstream>

#include "base/file.h"
#include "media/codec.h"
#include "prepare/prepare.h"
#include "support/face_painter.h"

namespace fsfm::test {

// Finds the painted face of a photo: none in pictures narrower than 100 pixels, a tiny one in pictures 100 wide.
class PaintedDetector final : public FaceDetector {
 public:
  std::vector<Face> detect(const Image& image) override {
    if (image.width < 100) return {};
    const int side = image.width == 100 ? 10 : image.height / 2;
    Face best;
    best.box = {image.width / 4, image.height / 4, side, side};
    best.score = 1.5f;
    Face second = best;
    second.box.left += 5;
    return {best, second};
  }
  std::string name() const override { return "painted"; }
};

// The map of a frontal face wherever the picture is not black.
class PaintedParser final : public FaceParser {
 public:
  ParsingMap parse(const Image& crop) override {
    if (crop.rgb[0] == 0 && crop.rgb[crop.rgb.size() / 2] == 0) return {224, 224, std::vector<uint8_t>(224 * 224, 0)};
    return {224, 224, paint_face(1).parsing};
  }
  std::string name() const override { return "painted-parser"; }
};

inline PrepareTools tools() {
  return {[] { return std::make_unique<PaintedDetector>(); }, [] { return std::make_unique<PaintedParser>(); }};
}

// Nine inputs, one of each fate and some good ones.
inline void draw_inputs(const fs::path& root) {
  fs::create_directories(root / "album");
  for (uint64_t i = 0; i < 4; ++i)
    write_image(root / "album" / ("good." + std::to_string(i) + ".png"), paint_photo(i, 1, 320, 320).image);
  fs::copy_file(root / "album/good.0.png", root / "copy.png");
  write_image(root / "landscape.jpg", paint_background(1, 90, 80));
  write_image(root / "far.png", paint_background(2, 100, 100));
  write_image(root / "black.png", Image(200, 200, 0));
  std::ofstream(root / "text.jpg") << "no picture at all";
  std::ofstream(root / "notes.txt") << "not an input";
}

inline PrepareOptions options_for(const fs::path& root, const fs::path& out) {
  PrepareOptions options;
  options.faces.root = root;
  options.out = out;
  options.name = "painted";
  options.made = {{"size", 224}};
  options.threads = 3;
  return options;
}

inline std::vector<PrepareEntry> entries_of(const fs::path& root, const std::string& layout = "folder") {
  LayoutRequest request;
  request.root = root;
  return enumerate_layout(find_layout(layout), request).entries;
}

}  // namespace fsfm::test
