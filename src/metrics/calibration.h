// Does a score of .8 mean "8 of 10"? Reliability, and the one-number repair: temperature scaling (Guo et al. 2017).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fsfm::metrics {

struct ReliabilityBin {
  double low, high;  // score range [low, high), the last one closed
  size_t count;
  double mean_score;     // NaN when empty
  double positive_rate;  // NaN when empty
};

struct Calibration {
  std::vector<ReliabilityBin> bins;
  double ece;    // expected calibration error: mean |mean_score - positive_rate|, weighted by count
  double brier;  // mean squared difference of score and label
  double nll;    // mean negative log likelihood, scores clipped to [1e-12, 1 - 1e-12]
};
// Scores are probabilities; throws Error outside [0, 1]. Figures are NaN without samples.
Calibration calibration(std::span<const int> labels, std::span<const double> scores, int bins = 15);

// Probability of each class: softmax of logits / temperature.
std::vector<double> softmax(std::span<const float> logits, double temperature = 1.0);

// P(attack): the softmax of every row, summed over the attack classes. logits: [N, is_attack.size()].
std::vector<double> attack_scores(std::span<const float> logits, std::span<const uint8_t> is_attack,
                                  double temperature = 1.0);

// The temperature in [0.05, 20] under which the labels are likeliest (lowest NLL of P(attack)). Throws Error without
// both classes.
double fit_temperature(std::span<const float> logits, std::span<const uint8_t> is_attack, std::span<const int> labels);

}  // namespace fsfm::metrics
