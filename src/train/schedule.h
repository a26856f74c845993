// How the learning rate and the EMA momentum move during training (method.md section 4). Pure functions.
#pragma once

#include <cstdint>

namespace fsfm {

// Linear warm-up from 0, then half a cosine down to `min_lr`. Evaluated once per iteration with a fractional epoch.
struct LearningRate {
  double peak = 2.4e-3, min_lr = 0.0;
  double warmup_epochs = 40, epochs = 400;

  // `epoch`: epochs done so far, fractional, >= 0.
  double at(double epoch) const;
  // peak = blr * effective batch / 256 (the linear scaling rule).
  static double scaled(double blr, int64_t effective_batch) {
    return blr * static_cast<double>(effective_batch) / 256.0;
  }
};

// Half a cosine from `base` up to `final` over all iterations.
struct EmaMomentum {
  double base = 0.996, final = 1.0;
  int64_t iterations = 1;

  // `iteration` counts from 0; past the end the momentum stays at `final`.
  double at(int64_t iteration) const;
};

}  // namespace fsfm
