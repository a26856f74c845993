#include "detect/face_parts.h"

#include <algorithm>

#include "face/region_map.h"
#include "media/resize.h"

namespace fsfm {
namespace {

constexpr int kSide = 224;  // the parser needs no more, and every face costs the same

}  // namespace

double face_parts(FaceParser& parser, const Image& view, const Rect& crop, const Rect& box) {
  const ParsingMap map = parser.parse(resize(view, kSide, kSide, Kernel::bilinear));
  // The middle half of the box lies inside every face, whatever the detector's habit.
  const auto scaled = [](int value, int from, int size) { return std::clamp((value - from) * kSide / size, 0, kSide); };
  const int left = scaled(box.left + box.width / 4, crop.left, crop.width);
  const int right = scaled(box.right() - box.width / 4, crop.left, crop.width);
  const int top = scaled(box.top + box.height / 4, crop.top, crop.height);
  const int bottom = scaled(box.bottom() - box.height / 4, crop.top, crop.height);
  int seen = 0, all = 0;
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x, ++all) {
      const uint8_t c = map.classes[static_cast<size_t>(y) * map.width + x];
      seen += c != kBackground && c != kHair;
    }
  return all > 0 ? static_cast<double>(seen) / all : 0;
}

}  // namespace fsfm
