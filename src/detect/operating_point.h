// How scores become decisions: temperature, threshold and the band in which nothing is decided.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/roc.h"
#include "model/model_file.h"

namespace fsfm {

// Fitted on a development set or taken from the model's card.
struct OperatingPoint {
  double temperature = 1.0;
  double threshold = 0.5;
  std::string source;                              // how and on which data the threshold was chosen
  std::optional<std::array<double, 2>> abstain{};  // as in the card; the threshold is never outside
  std::vector<metrics::RocPoint> roc{};            // of the calibrated scores it was fitted on; empty of a card's
  size_t attacks = 0, bona_fide = 0;               // behind `roc`
};

// Temperature by likelihood, then threshold and undecided band on the calibrated scores: the threshold at equal errors,
// or with `max_bpcer` > 0 at that rate of false alarms. logits: [N, is_attack.size()]; labels: [N], 1 = attack. Throws
// Error naming the data when all samples are of one kind.
OperatingPoint fit_operating_point(std::span<const float> logits, std::span<const uint8_t> is_attack,
                                   std::span<const int> labels, const std::string& data_name, double max_bpcer = 0);

// What a card keeps of the ROC under "calibration" / "roc": {"attacks", "bona_fide", "points": [[fpr, tpr, threshold],
// ...]} with a few dozen points, the more of them the rarer the false alarms. null without a ROC.
nlohmann::json roc_for_card(const OperatingPoint& point);

// Moves the card's threshold to the lowest one whose false alarms on the validation data do not exceed `fpr` (0..1),
// and its undecided band with it. Throws Error when the card holds no ROC, or one of too few real faces to tell such a
// rate.
void use_false_positive_rate(ModelCard& card, double fpr);

}  // namespace fsfm
