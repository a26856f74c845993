#include "report/face_gallery.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "face/parsing_overlay.h"
#include "media/draw.h"
#include "media/resize.h"

namespace fsfm::report {
namespace {

// All samples in the order in which a gallery wants them: the first of every video, the second, ...
std::vector<size_t> by_interest(const std::vector<SampleRef>& samples) {
  std::vector<size_t> order(samples.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  Rng(1).shuffle(std::span<size_t>(order));
  std::map<std::string, size_t> seen;
  std::vector<size_t> turn(samples.size());
  for (const size_t i : order) turn[i] = seen[samples[i].video]++;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(turn[a], samples[a].frame >= 0) < std::pair(turn[b], samples[b].frame >= 0);
  });
  return order;
}

}  // namespace

std::vector<GalleryFace> face_gallery(const Dataset& data, size_t count, int side) {
  std::vector<GalleryFace> faces;
  for (const size_t i : by_interest(data.samples())) {
    if (faces.size() == count) break;
    try {
      GalleryFace shown{resize(data.load(i).image, side, side), {}, data.samples()[i].key};
      const auto parsing = data.load_parsing(i);
      shown.regions = parsing ? parsing_overlay(shown.face, *parsing, kParsingSide, kParsingSide) : shown.face;
      faces.push_back(std::move(shown));
    } catch (const Error&) {
      // The doctor lists broken pictures; here they are only left out.
    }
  }
  return faces;
}

Image side_by_side(const GalleryFace& face) {
  Image pair(face.face.width + face.regions.width, face.face.height);
  paste(pair, face.face, 0, 0);
  paste(pair, face.regions, face.face.width, 0);
  return pair;
}

Image gallery_sheet(const std::vector<GalleryFace>& faces, int columns) {
  if (faces.empty()) throw Error("there is no face to show", "give a dataset with pictures that can be read");
  constexpr int kGap = 6;
  const int side = faces.front().face.width, count = static_cast<int>(faces.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  Image sheet(kGap + columns * (2 * side + kGap), kGap + rows * (side + kGap), 255);
  for (int i = 0; i < count; ++i)
    paste(sheet, side_by_side(faces[static_cast<size_t>(i)]), kGap + i % columns * (2 * side + kGap),
          kGap + i / columns * (side + kGap));
  return sheet;
}

}  // namespace fsfm::report
