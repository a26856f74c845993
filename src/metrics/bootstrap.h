// How far a figure would move on another sample of the same kind: bootstrap over whole videos or identities.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "metrics/roc.h"

namespace fsfm::metrics {

struct Interval {
  double low, high;
};

struct BootstrapOptions {
  int resamples = 2000;
  double confidence = 0.95;
  uint64_t seed = 0;
  int threads = 0;  // 0 = all cores; the result does not depend on it
};

// Percentile intervals of every figure at once.
struct FigureIntervals {
  Interval auc, eer, average_precision;
  Interval tpr_at_fpr[std::size(kReportedFpr)];
  Interval apcer, bpcer, acer, accuracy;  // at the threshold given
  size_t clusters;
};

// Frames of one video are no independent evidence: whole clusters (`clusters` names that of every sample; empty = each
// sample its own) are drawn with replacement, separately among clusters of attacks only, of bona fide only, and mixed
// ones, so that both classes stay present. One sort, then O(samples) a resample. NaN intervals without both classes.
FigureIntervals bootstrap(std::span<const int> labels, std::span<const double> scores,
                          std::span<const std::string> clusters, double threshold,
                          const BootstrapOptions& options = {});

}  // namespace fsfm::metrics
