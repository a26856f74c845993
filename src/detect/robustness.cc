#include "detect/robustness.h"

#include <spdlog/fmt/fmt.h>

#include <optional>

#include "base/rng.h"
#include "data/augment/degrade.h"

namespace fsfm {

std::vector<RobustnessPoint> robustness_sweep(const Dataset& dataset, const ModelCard& card,
                                              const LogitFunction& network, const OperatingPoint& point,
                                              const ScoreOptions& scoring, const RobustnessOptions& options) {
  ScoreOptions score_options = scoring;
  score_options.only = draw_faces(dataset, scoring.attack_classes, options.samples, options.seed);
  const auto is_attack = attack_mask(card);
  const std::string name = scoring.progress_label.empty() ? dataset.info().name : scoring.progress_label;
  auto judge = [&](RobustnessPoint result) {
    score_options.progress_label = fmt::format("{}, {} {}", name, result.kind, result.strength);
    const ScoredDataset scored = score_dataset(dataset, card, network, score_options);
    if (!scored.complete) return std::optional<RobustnessPoint>();
    const auto scores = metrics::attack_scores(scored.logits, is_attack, point.temperature);
    result.auc = metrics::auc(scored.labels, scores);
    result.interval = metrics::bootstrap(scored.labels, scores, scored.videos, point.threshold, options.bootstrap).auc;
    const auto rates = metrics::error_rates(scored.labels, scores, point.threshold);
    result.apcer = rates.apcer;
    result.bpcer = rates.bpcer;
    return std::optional(result);
  };

  std::vector<RobustnessPoint> points;
  const auto untouched = judge({.dataset = name, .kind = "as is", .meaning = "as is"});
  if (!untouched) return {};
  for (const Degradation kind : all_degradations()) {
    points.push_back(*untouched);
    points.back().kind = std::string(degradation_name(kind));
    for (int strength = 1; strength <= kDegradationLevels; ++strength) {
      score_options.alter = [&, kind, strength](const Image& image, size_t index) {
        Rng rng(options.seed, index + 1);
        return degrade(image, kind, strength, rng);
      };
      const auto result = judge({.dataset = name,
                                 .kind = std::string(degradation_name(kind)),
                                 .strength = strength,
                                 .meaning = describe_strength(kind, strength)});
      if (!result) return {};
      points.push_back(*result);
    }
  }
  return points;
}

}  // namespace fsfm
