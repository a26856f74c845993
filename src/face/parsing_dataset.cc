#include "face/parsing_dataset.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "face/region_map.h"
#include "face/sides.h"
#include "media/codec.h"
#include "media/resize.h"

namespace fsfm {

std::vector<uint8_t> label_mapping(const std::string& layout) {
  if (layout == "lapa-11") return {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  if (layout == "celebamask-19") {
    return {kBackground, kSkin,       kNose,       kSkin,       kLeftEye,   kRightEye, kLeftBrow,
            kRightBrow,  kBackground, kBackground, kInnerMouth, kUpperLip,  kLowerLip, kHair,
            kBackground, kBackground, kBackground, kBackground, kBackground};
  }
  if (layout == "bisenet-19") {
    return {kBackground, kSkin,       kLeftBrow,   kRightBrow, kLeftEye,    kRightEye, kSkin,
            kBackground, kBackground, kBackground, kNose,      kInnerMouth, kUpperLip, kLowerLip,
            kBackground, kBackground, kBackground, kHair,      kBackground};
  }
  throw Error("unknown label layout \"" + layout + "\"", "use lapa-11, celebamask-19 or bisenet-19");
}

std::vector<LabelledFace> read_labelled_faces(const fs::path& root, const std::string& layout, bool repair_sides,
                                              std::vector<std::string>* unreadable) {
  const auto mapping = label_mapping(layout);
  if (!is_folder(root / "images") || !is_folder(root / "labels")) {
    throw Error(root.string() + ": no folders images/ and labels/", "expected images/NAME.jpg with labels/NAME.png");
  }
  const auto files = list_files(root / "images", is_image_path);
  if (files.empty()) throw Error((root / "images").string() + ": no pictures");
  std::vector<LabelledFace> faces(files.size());
  std::vector<std::string> failures(files.size());
  parallel_for(files.size(), 0, [&](size_t i, int) {
    const auto label_file = root / "labels" / (files[i].stem().string() + ".png");
    if (!path_exists(label_file)) throw Error(label_file.string() + ": no label for " + files[i].filename().string());
    auto& face = faces[i];
    face.name = files[i].stem().string();
    int width = 0, height = 0;
    try {
      face.image = read_image(files[i]);
      const MappedFile label(label_file);
      face.classes = decode_palette_png(label.bytes(), label_file.string(), width, height);
    } catch (const Error& error) {
      if (!unreadable) throw;
      failures[i] = error.what();
      return;
    }
    if (width != face.image.width || height != face.image.height) {
      face.classes = resize_nearest(face.classes, width, height, face.image.width, face.image.height);
    }
    for (auto& c : face.classes) {
      if (c == kIgnoredClass) continue;
      if (c >= mapping.size()) {
        throw Error(label_file.string() + ": class " + std::to_string(c) + " is outside the layout " + layout);
      }
      c = mapping[c];
    }
    face.sides_repaired = repair_sides && sides_exchanged(face.classes, face.image.width);
    if (face.sides_repaired)
      std::transform(face.classes.begin(), face.classes.end(), face.classes.begin(), mirrored_class);
  });
  if (!unreadable) return faces;
  std::vector<LabelledFace> read;
  for (size_t i = 0; i < faces.size(); ++i) {
    if (failures[i].empty())
      read.push_back(std::move(faces[i]));
    else
      unreadable->push_back(std::move(failures[i]));
  }
  if (read.empty())
    throw Error(root.string() + ": no labelled face can be read: " + unreadable->front(), "check the folder");
  return read;
}

}  // namespace fsfm
