// How scores become decisions: temperature, threshold and the band in which nothing is decided.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fsfm {

// Fitted on a development set or taken from the model's card.
struct OperatingPoint {
  double temperature = 1.0;
  double threshold = 0.5;
  std::string source;                              // how and on which data the threshold was chosen
  std::optional<std::array<double, 2>> abstain{};  // as in the card; the threshold is never outside
};

// Temperature by likelihood, then threshold and undecided band on the calibrated scores: the threshold at equal errors,
// or with `max_bpcer` > 0 at that rate of false alarms. logits: [N, is_attack.size()]; labels: [N], 1 = attack. Throws
// Error naming the data when all samples are of one kind.
OperatingPoint fit_operating_point(std::span<const float> logits, std::span<const uint8_t> is_attack,
                                   std::span<const int> labels, const std::string& data_name, double max_bpcer = 0);

}  // namespace fsfm
