#include "detect/operating_point.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "metrics/calibration.h"
#include "metrics/decision.h"

namespace fsfm {

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
  // A threshold for few false alarms lies above the band. Unless the band reaches it, scores between the two are called
  // real while lower ones are undecided.
  if (point.abstain)
    point.abstain = std::array{std::min((*point.abstain)[0], point.threshold),
                               std::clamp(point.threshold, (*point.abstain)[1], 1.0)};
  point.source = fmt::format("{} on {} ({} faces)",
                             max_bpcer > 0 ? fmt::format("BPCER <= {:g} %", 100 * max_bpcer) : "equal error rate",
                             data_name, with_thousands(static_cast<long long>(labels.size())));
  return point;
}

}  // namespace fsfm
