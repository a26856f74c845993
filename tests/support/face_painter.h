// Painted faces: pictures that the tests may own, with the exact class of every pixel.
//
//   const PaintedFace face = paint_face(7);              // 224 x 224, as a face crop
//   const PaintedPhoto photo = paint_photo(7, 3, 800, 450);  // three faces at photo.boxes
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm::test {

struct PaintedFace {
  Image image;                   // side x side
  std::vector<uint8_t> parsing;  // [side * side], the 11 classes of face/region_map.h
};

// A face as a detector's crop shows it. The seed decides identity (skin, hair, eyes, proportions), pose (roll, a slight
// turn), light, background and noise; the same seed gives the same face, in any size.
PaintedFace paint_face(uint64_t seed, int side = 224);

// The same face after a forgery that leaves a fine grid and a seam inside the face: easy to learn, invisible to the
// parsing.
PaintedFace paint_fake_face(uint64_t seed, int side = 224);

struct PaintedPhoto {
  Image image;
  std::vector<Rect> boxes;  // brows to chin, as a frontal-face detector draws its box; left to right
};

// `faces` upright faces side by side on one background, found by dlib's frontal detector when a box is at least 80
// pixels wide (w >= 140 * faces, h >= 250).
PaintedPhoto paint_photo(uint64_t seed, int faces, int width, int height);

// Paints person `identity`, upright, so that a detector's box would be `box`; what falls outside the canvas is cut.
void paint_face_on(Image& canvas, uint64_t identity, const Rect& box);

// A background without a face.
Image paint_background(uint64_t seed, int width, int height);

// Writes dir/split/label/face_0000.png ... (n files, `side` pixels): painted as fakes unless the label is "real" or
// "live".
// `maps`: with each picture's exact class map beside it, as NAME.seg.png.
void write_face_tree(const std::filesystem::path& dir, const std::string& split, const std::string& label, int n,
                     uint64_t seed, int side = 224, bool maps = false);

}  // namespace fsfm::test
