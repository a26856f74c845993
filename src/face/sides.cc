#include "face/sides.h"

#include "face/region_map.h"

namespace fsfm {

uint8_t mirrored_class(uint8_t face_class) {
  switch (face_class) {
    case kRightBrow:
      return kLeftBrow;
    case kLeftBrow:
      return kRightBrow;
    case kRightEye:
      return kLeftEye;
    case kLeftEye:
      return kRightEye;
    default:
      return face_class;
  }
}

bool sides_exchanged(std::span<const uint8_t> classes, int width) {
  int64_t right_sum = 0, right = 0, left_sum = 0, left = 0;
  for (size_t i = 0; i < classes.size(); ++i) {
    const int64_t x = static_cast<int64_t>(i) % width;
    if (classes[i] == kRightEye || classes[i] == kRightBrow) right_sum += x, ++right;
    if (classes[i] == kLeftEye || classes[i] == kLeftBrow) left_sum += x, ++left;
  }
  return right > 0 && left > 0 && right_sum * left > left_sum * right;
}

}  // namespace fsfm
