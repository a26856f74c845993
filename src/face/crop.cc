#include <algorithm>
#include <cstdint>

#include "face/face.h"

namespace fsfm {

Rect crop_rect(const Rect& box, int image_width, int image_height, double scale) {
  // 64-bit throughout: boxes from user-supplied detectors may be absurd. A right shift is the rule's floor division.
  const int64_t left = box.left, top = box.top, width = box.width, height = box.height;
  const double wanted = static_cast<double>(std::max(width, height)) * scale;
  int64_t side = static_cast<int64_t>(std::clamp(wanted, 0.0, 1e9));
  const int64_t x = std::clamp<int64_t>(((left + left + width) >> 1) - side / 2, 0, image_width);
  const int64_t y = std::clamp<int64_t>(((top + top + height) >> 1) - side / 2, 0, image_height);
  side = std::min({side, image_width - x, image_height - y});
  return {static_cast<int>(x), static_cast<int>(y), static_cast<int>(side), static_cast<int>(side)};
}

}  // namespace fsfm
