#include "metrics/paper.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "metrics/decision.h"
#include "metrics/roc.h"
#include "metrics/video.h"

namespace fsfm::metrics {
namespace {

constexpr int kGridSteps = 10'000;
constexpr double kLastThreshold = 1.1, kFixedThreshold = 0.5, kFprLimit = 0.01;

}  // namespace

FasFigures fas_figures(std::span<const int> labels, std::span<const double> scores) {
  check_scores(labels, scores);
  std::vector<double> by_class[2];
  for (size_t i = 0; i < labels.size(); ++i) by_class[labels[i]].push_back(scores[i]);
  for (auto& list : by_class) std::sort(list.begin(), list.end());
  auto below = [](const std::vector<double>& sorted, double threshold) {
    return std::lower_bound(sorted.begin(), sorted.end(), threshold) - sorted.begin();
  };
  const double lives = static_cast<double>(by_class[1].size()), attacks = static_cast<double>(by_class[0].size());

  FasFigures figures{};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (lives == 0 || attacks == 0) return {nan, nan, nan, nan, nan, nan, nan, nan};
  double smallest = 1.0;
  for (int i = 0; i <= kGridSteps + 1; ++i) {
    const double threshold = i <= kGridSteps ? static_cast<double>(i) / kGridSteps : kLastThreshold;
    const double false_accepts = (attacks - below(by_class[0], threshold)) / attacks;
    const double false_rejects = below(by_class[1], threshold) / lives;
    const double difference = std::abs(false_rejects - false_accepts);
    if (difference > smallest) continue;  // equal: the later threshold wins
    smallest = difference;
    figures.threshold = threshold;
    figures.eer = figures.hter = (false_accepts + false_rejects) / 2;
  }
  for (const auto& point : roc_curve(labels, scores))
    if (point.fpr <= kFprLimit) figures.tpr_at_fpr_1pct = point.tpr;
  // With live as the positive class, error_rates' "bona fide" are the attacks.
  const ErrorRates fixed = error_rates(labels, scores, kFixedThreshold);
  figures.apcer = fixed.bpcer;
  figures.bpcer = fixed.apcer;
  figures.acer = fixed.acer;
  figures.accuracy = fixed.accuracy;
  return figures;
}

PaperFigures paper_figures(std::span<const int> labels, std::span<const double> scores,
                           std::span<const std::string> videos) {
  const CurveFigures frames = curve_figures(RankedScores(labels, scores));
  const VideoScores means = mean_per_video(labels, scores, videos);
  const CurveFigures of_videos = curve_figures(RankedScores(means.labels, means.scores));
  return {.auc = frames.auc,
          .eer = frames.eer,
          .balanced_accuracy = balanced_accuracy(labels, scores, kFixedThreshold),
          .average_precision = frames.average_precision,
          .video_auc = of_videos.auc,
          .video_eer = of_videos.eer,
          .fas = fas_figures(labels, scores)};
}

}  // namespace fsfm::metrics
