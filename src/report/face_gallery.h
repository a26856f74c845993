// Faces of a dataset beside their class maps: what a person wants to see before a network learns from them.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"

namespace fsfm::report {

struct GalleryFace {
  Image face, regions;  // square, of one side; `regions` repeats the face where there is no class map
  std::string key;
};

// `count` faces at most, the same at every call: one of each video first, photographs before videos. Pictures that
// cannot be read are passed over.
std::vector<GalleryFace> face_gallery(const Dataset& data, size_t count, int side);

// Both pictures of a face side by side.
Image side_by_side(const GalleryFace& face);

// All of them as one picture, `columns` pairs a row.
Image gallery_sheet(const std::vector<GalleryFace>& faces, int columns);

}  // namespace fsfm::report
