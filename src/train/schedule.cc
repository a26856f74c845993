#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fsfm {

double LearningRate::at(double epoch) const {
  if (epoch < warmup_epochs) return peak * epoch / warmup_epochs;
  const double span = epochs - warmup_epochs;
  const double done = span > 0 ? std::min(1.0, (epoch - warmup_epochs) / span) : 1.0;
  return min_lr + (peak - min_lr) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

double EmaMomentum::at(int64_t iteration) const {
  const double done =
      iterations > 0 ? std::min(1.0, static_cast<double>(iteration) / static_cast<double>(iterations)) : 1.0;
  return final - (final - base) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

}  // namespace fsfm
