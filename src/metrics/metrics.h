// Scores to figures (method.md section 5). Pure functions on spans; labels: 1 = positive (attack), 0 = negative.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fsfm::metrics {

// A point of the ROC curve, as scikit-learn's roc_curve gives it (drop_intermediate = false unless said).
struct RocPoint {
  double fpr, tpr, threshold;
};
std::vector<RocPoint> roc_curve(std::span<const int> labels, std::span<const double> scores, bool drop_intermediate = true);

// Probability that a positive scores above a negative, ties half. NaN if one class is absent.
double auc(std::span<const int> labels, std::span<const double> scores);
// Root of 1 - x - ROC(x), linear interpolation.
double eer(std::span<const int> labels, std::span<const double> scores);
double average_precision(std::span<const int> labels, std::span<const double> scores);
double balanced_accuracy(std::span<const int> labels, std::span<const double> scores, double threshold = 0.5);

// Mean frame score per video, in first-appearance order.
struct VideoScores {
  std::vector<std::string> videos;
  std::vector<int> labels;
  std::vector<double> scores;
};
VideoScores mean_per_video(std::span<const int> labels, std::span<const double> scores, std::span<const std::string> videos);

struct Interval {
  double low, high;
};

}  // namespace fsfm::metrics
