// Random erasing (Zhong et al. 2020), "pixel" mode: a rectangle of the normalised picture becomes noise.
#pragma once

#include <span>

#include "base/rng.h"

namespace fsfm {

// chw: [3, side, side], changed in place with `probability`; area 2 % to a third, aspect ratio .3 to 1/.3.
void random_erasing(std::span<float> chw, int side, double probability, Rng& rng);

}  // namespace fsfm
