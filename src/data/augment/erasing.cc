#include "data/augment/erasing.h"

#include <cmath>

namespace fsfm {

void random_erasing(std::span<float> chw, int side, double probability, Rng& rng) {
  if (!rng.chance(probability)) return;
  constexpr double kMinArea = 0.02, kMaxArea = 1.0 / 3, kMinRatio = 0.3;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = rng.uniform(kMinArea, kMaxArea) * side * side;
    const double ratio = std::exp(rng.uniform(std::log(kMinRatio), -std::log(kMinRatio)));
    const int h = static_cast<int>(std::lround(std::sqrt(area * ratio))),
              w = static_cast<int>(std::lround(std::sqrt(area / ratio)));
    if (h < 1 || w < 1 || h >= side || w >= side) continue;
    const int top = static_cast<int>(rng.below(static_cast<uint32_t>(side - h + 1))),
              left = static_cast<int>(rng.below(static_cast<uint32_t>(side - w + 1)));
    for (int c = 0; c < 3; ++c)
      for (int y = top; y < top + h; ++y)
        for (int x = left; x < left + w; ++x)
          chw[(static_cast<size_t>(c) * side + y) * side + x] = static_cast<float>(rng.normal());
    return;
  }
}

}  // namespace fsfm
