// RandAugment (Cubuk et al. 2020) in timm's "rand-m9-mstd0.5-inc1" form: two operations a picture, each with chance
// 1/2.
#pragma once

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

struct RandAugmentOptions {
  int layers = 2;
  double magnitude = 9, magnitude_std = 0.5;  // of 10
  double probability = 0.5;                   // that a chosen operation is done
};

// Fifteen operations; a larger magnitude always means a stronger change ("inc"). Empty corners get the mean colour.
Image rand_augment(Image image, const RandAugmentOptions& options, Rng& rng);

}  // namespace fsfm
