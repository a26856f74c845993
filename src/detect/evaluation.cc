#include "detect/evaluation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/csv.h"
#include "base/error.h"
#include "base/text.h"

namespace fsfm {
namespace {

LevelFigures figures(std::vector<int> labels, std::vector<double> scores, std::span<const std::string> clusters,
                     double threshold, const metrics::BootstrapOptions& options) {
  LevelFigures level;
  level.curve = metrics::curve_figures(metrics::RankedScores(labels, scores));
  level.at_threshold = metrics::error_rates(labels, scores, threshold);
  level.attacks = level.at_threshold.attacks;
  level.bona_fide = level.at_threshold.bona_fide;
  level.intervals = metrics::bootstrap(labels, scores, clusters, threshold, options);
  level.labels = std::move(labels);
  level.scores = std::move(scores);
  return level;
}

nlohmann::json with_interval(double value, const metrics::Interval& interval) {
  return {{"value", value}, {"low", interval.low}, {"high", interval.high}};
}

nlohmann::json to_json(const LevelFigures& level) {
  nlohmann::json json{
      {"attacks", level.attacks},
      {"bona_fide", level.bona_fide},
      {"clusters", level.intervals.clusters},
      {"auc", with_interval(level.curve.auc, level.intervals.auc)},
      {"eer", with_interval(level.curve.eer, level.intervals.eer)},
      {"average_precision", with_interval(level.curve.average_precision, level.intervals.average_precision)},
      {"apcer", with_interval(level.at_threshold.apcer, level.intervals.apcer)},
      {"bpcer", with_interval(level.at_threshold.bpcer, level.intervals.bpcer)},
      {"acer", with_interval(level.at_threshold.acer, level.intervals.acer)},
      {"accuracy", with_interval(level.at_threshold.accuracy, level.intervals.accuracy)},
      {"balanced_accuracy", level.at_threshold.balanced_accuracy},
      {"balanced_accuracy_at_half", metrics::balanced_accuracy(level.labels, level.scores)}};
  for (size_t i = 0; i < std::size(metrics::kReportedFpr); ++i) {
    auto& entry = json["tpr_at_fpr"][fmt::format("{:g}", metrics::kReportedFpr[i])];
    if (resolves(level.bona_fide, metrics::kReportedFpr[i]))
      entry = with_interval(level.curve.tpr_at_fpr[i], level.intervals.tpr_at_fpr[i]);
  }
  return json;
}

}  // namespace

Evaluation evaluate(const ScoredDataset& scored, std::span<const uint8_t> is_attack, const OperatingPoint& point,
                    const metrics::BootstrapOptions& options) {
  const auto scores = metrics::attack_scores(scored.logits, is_attack, point.temperature);
  Evaluation result;
  result.dataset = scored.name;
  result.point = point;
  result.unreadable = scored.unreadable.size();
  const auto means = metrics::mean_per_video(scored.labels, scores, scored.videos);
  result.has_videos = means.videos.size() < scored.size();
  result.frames = figures(scored.labels, scores, scored.videos, point.threshold, options);
  result.videos = figures(means.labels, means.scores, {}, point.threshold, options);
  result.calibration = metrics::calibration(scored.labels, scores);

  // A video has one class, that of its frames.
  std::vector<std::string> types;
  {
    std::map<std::pair<std::string, int>, std::string> class_of;
    for (size_t i = 0; i < scored.size(); ++i)
      class_of.try_emplace({scored.videos[i], scored.labels[i]}, scored.classes[i]);
    for (size_t v = 0; v < means.videos.size(); ++v) types.push_back(class_of.at({means.videos[v], means.labels[v]}));
  }
  result.types = metrics::per_attack_type(means.labels, means.scores, types, point.threshold);

  // There label 1 and the score mean "live".
  std::vector<int> live;
  std::vector<double> live_scores;
  for (size_t v = 0; v < means.labels.size(); ++v) {
    live.push_back(1 - means.labels[v]);
    live_scores.push_back(1 - means.scores[v]);
  }
  result.paper = metrics::fas_figures(live, live_scores);
  return result;
}

nlohmann::json to_json(const Evaluation& evaluation) {
  nlohmann::json types = nlohmann::json::array();
  for (const auto& type : evaluation.types)
    types.push_back({{"type", type.type}, {"count", type.count}, {"apcer", type.apcer}, {"auc", type.auc}});
  return {{"dataset", evaluation.dataset},
          {"threshold", evaluation.point.threshold},
          {"threshold_source", evaluation.point.source},
          {"temperature", evaluation.point.temperature},
          {"frame", to_json(evaluation.frames)},
          {"video", to_json(evaluation.videos)},
          {"attack_types", types},
          {"calibration",
           {{"ece", evaluation.calibration.ece},
            {"brier", evaluation.calibration.brier},
            {"nll", evaluation.calibration.nll}}},
          {"published_protocol",
           {{"about", "threshold chosen on the test scores themselves, as in the paper's code; too kind"},
            {"eer", evaluation.paper.eer},
            {"threshold_p_live", evaluation.paper.threshold},
            {"hter", evaluation.paper.hter},
            {"tpr_at_fpr_1pct", evaluation.paper.tpr_at_fpr_1pct},
            {"apcer", evaluation.paper.apcer},
            {"bpcer", evaluation.paper.bpcer},
            {"acer", evaluation.paper.acer},
            {"accuracy", evaluation.paper.accuracy}}},
          {"unreadable", evaluation.unreadable}};
}

std::string scores_csv(const std::vector<ScoredDataset>& datasets, std::span<const uint8_t> is_attack,
                       double temperature) {
  std::string csv = "dataset,key,video,class,attack,score\n";
  for (const auto& data : datasets) {
    const auto scores = metrics::attack_scores(data.logits, is_attack, temperature);
    for (size_t i = 0; i < data.size(); ++i)
      csv += fmt::format("{},{},{},{},{},{:.6f}\n", csv_field(data.name), csv_field(data.keys[i]),
                         csv_field(data.videos[i]), csv_field(data.classes[i]), data.labels[i], scores[i]);
  }
  return csv;
}

}  // namespace fsfm
