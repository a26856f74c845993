#include "detect/operating_point.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "metrics/calibration.h"
#include "metrics/decision.h"

namespace fsfm {
namespace {

// A threshold for few false alarms lies above the band. Unless the band reaches it, scores between the two are called
// real while lower ones are undecided.
std::array<double, 2> reaching(const std::array<double, 2>& band, double threshold) {
  return {std::min(band[0], threshold), std::clamp(threshold, band[1], 1.0)};
}

}  // namespace

OperatingPoint fit_operating_point(std::span<const float> logits, std::span<const uint8_t> is_attack,
                                   std::span<const int> labels, const std::string& data_name, double max_bpcer) {
  const auto attacks = std::count(labels.begin(), labels.end(), 1);
  if (attacks == 0 || attacks == static_cast<std::ptrdiff_t>(labels.size()))
    throw Error(fmt::format("{}: a threshold is fitted on real and attack samples, but all {} are {}", data_name,
                            labels.size(), attacks ? "attacks" : "real"),
                "give a development set with both");
  OperatingPoint point;
  point.temperature = metrics::fit_temperature(logits, is_attack, labels);
  const auto scores = metrics::attack_scores(logits, is_attack, point.temperature);
  point.threshold =
      max_bpcer > 0 ? metrics::threshold_for_bpcer(labels, scores, max_bpcer) : metrics::eer_threshold(labels, scores);
  point.abstain = metrics::undecided_band(labels, scores);
  if (point.abstain) point.abstain = reaching(*point.abstain, point.threshold);
  point.roc = metrics::roc_curve(labels, scores);
  point.attacks = static_cast<size_t>(attacks);
  point.bona_fide = labels.size() - point.attacks;
  point.source = fmt::format("{} on {} ({} faces)",
                             max_bpcer > 0 ? fmt::format("BPCER <= {:g} %", 100 * max_bpcer) : "equal error rate",
                             data_name, with_thousands(static_cast<long long>(labels.size())));
  return point;
}

nlohmann::json roc_for_card(const OperatingPoint& point) {
  if (point.roc.empty()) return nullptr;
  constexpr int kPoints = 64;
  constexpr double kDecades = 4;  // from a false alarm in 10,000 to all
  nlohmann::json points = nlohmann::json::array();
  size_t last = 0;
  for (int i = 0; i < kPoints; ++i) {
    const double target = std::pow(10.0, kDecades * (static_cast<double>(i) / (kPoints - 1) - 1));
    size_t at = last;
    while (at + 1 < point.roc.size() && point.roc[at + 1].fpr <= target + 1e-12) ++at;
    if (at == last) continue;  // the first point is none: its threshold is infinite
    last = at;
    points.push_back({point.roc[at].fpr, point.roc[at].tpr, point.roc[at].threshold});
  }
  return {{"attacks", point.attacks}, {"bona_fide", point.bona_fide}, {"points", points}};
}

void use_false_positive_rate(ModelCard& card, double fpr) {
  const auto roc = card.calibration.is_object() ? card.calibration.find("roc") : card.calibration.end();
  if (roc == card.calibration.end() || !roc->is_object())
    throw Error("the model's card holds no ROC to choose a threshold from",
                "store one: fsfm evaluate --model M --data TEST --dev VALIDATION --write-threshold");
  std::optional<double> threshold;
  double reached = 0, found = 0, bona_fide = 0;
  try {
    bona_fide = roc->at("bona_fide").get<double>();
    for (const auto& point : roc->at("points")) {
      const double rate = point.at(0).get<double>(), value = point.at(2).get<double>();
      if (rate > fpr + 1e-12 || (threshold && value >= *threshold)) continue;
      threshold = value;
      reached = rate;
      found = point.at(1).get<double>();
    }
  } catch (const nlohmann::json::exception&) {
    throw Error("the ROC on the model's card is damaged", "store it again: fsfm evaluate --write-threshold");
  }
  if (!(bona_fide * fpr >= 1) || !threshold)
    throw Error(fmt::format("a false positive rate of {:g} cannot be told from the {:.0f} real faces behind the card's "
                            "ROC",
                            fpr, bona_fide),
                bona_fide > 0 ? fmt::format("ask for {:g} or more", 1 / bona_fide) : "store a ROC of more faces");
  card.threshold = *threshold;
  card.threshold_source = fmt::format(
      "false positive rate {:g} (on the validation data {:.2f} % of {:.0f} real faces, "
      "{:.1f} % of the attacks found)",
      fpr, 100 * reached, bona_fide, 100 * found);
  if (card.abstain) card.abstain = reaching(*card.abstain, *threshold);
}

}  // namespace fsfm
