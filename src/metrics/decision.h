// Figures at one threshold, and how a threshold is chosen (ISO/IEC 30107-3 vocabulary).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fsfm::metrics {

// "Attack" means score >= threshold. Rates are in [0, 1]; NaN when their class is absent.
struct ErrorRates {
  double threshold;
  size_t attacks, bona_fide;
  double apcer;  // attacks passed as bona fide (miss)
  double bpcer;  // bona fide called attack (false alarm)
  double
      acer;  // (apcer + bpcer) / 2: the HTER of the anti-spoofing papers when the threshold is not the test set's own
  double accuracy;
  double balanced_accuracy;  // 1 - acer
};
ErrorRates error_rates(std::span<const int> labels, std::span<const double> scores, double threshold);
double balanced_accuracy(std::span<const int> labels, std::span<const double> scores, double threshold = 0.5);

// APCER of each attack type by itself; the standard's APCER is the WORST of them, not their mean.
struct TypeRates {
  std::string type;
  size_t count;
  double apcer;
  double auc;  // this type against all bona fide samples
};
// `types` names the type of every sample (those of bona fide samples are ignored). In order of first appearance.
std::vector<TypeRates> per_attack_type(std::span<const int> labels, std::span<const double> scores,
                                       std::span<const std::string> types, double threshold);

// Where |APCER - BPCER| is smallest, half-way between the neighbouring scores. Throws Error without both classes.
double eer_threshold(std::span<const int> labels, std::span<const double> scores);
// The lowest threshold (most attacks found) whose BPCER on these scores is <= max_bpcer. Throws Error without bona fide
// samples.
double threshold_for_bpcer(std::span<const int> labels, std::span<const double> scores, double max_bpcer);
// Scores strictly inside are undecided: outside, at most a tenth of the attacks lie below and at most a tenth of the
// bona fide samples above. All of [0,1] when the scores hardly beat guessing; nullopt when they are good enough to
// decide every sample. Throws Error without both classes.
std::optional<std::array<double, 2>> undecided_band(std::span<const int> labels, std::span<const double> scores);

}  // namespace fsfm::metrics
