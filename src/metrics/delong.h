// Is one detector's AUC really higher than another's on the same samples? DeLong, DeLong & Clarke-Pearson 1988,
// extended to clustered samples by Obuchowski 1997.
#pragma once

#include <span>
#include <string>

namespace fsfm::metrics {

struct AucComparison {
  double auc_a, auc_b;
  double difference;      // auc_a - auc_b
  double standard_error;  // of the difference
  double low, high;       // 95 % interval of the difference
  double z, p_value;      // two-sided; p = 1 when the scores rank alike
  double variance_a, variance_b;
};

// `a` and `b` score the same samples. `clusters` names the video or identity of every sample (empty = independent
// samples): without it, many frames of few videos make any difference look certain. Throws Error with fewer than two
// samples (or two clusters) of a class.
AucComparison compare_auc(std::span<const int> labels, std::span<const double> a, std::span<const double> b,
                          std::span<const std::string> clusters = {});

}  // namespace fsfm::metrics
