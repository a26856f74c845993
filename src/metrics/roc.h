// Figures that need no threshold: the ROC and DET curves and what is read off them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fsfm::metrics {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();  // a figure that has no value

struct RocPoint {
  double fpr, tpr, threshold;  // "positive" means score >= threshold; the first point (0, 0) has threshold +infinity
};

// From (0, 0) to (1, 1), one point for each distinct score, as scikit-learn's roc_curve. `drop_intermediate` leaves out
// points inside straight runs by scikit-learn 1.2's rule (no second difference in either count). Empty without both
// classes.
std::vector<RocPoint> roc_curve(std::span<const int> labels, std::span<const double> scores,
                                bool drop_intermediate = true);

// Probability that a positive scores above a negative, ties half.
double auc(std::span<const int> labels, std::span<const double> scores);
// Root of 1 - x - ROC(x), the ROC interpolated linearly.
double eer(std::span<const int> labels, std::span<const double> scores);
// Sum of precision times the step in recall, over distinct scores.
double average_precision(std::span<const int> labels, std::span<const double> scores);
// Highest TPR among thresholds whose FPR is <= max_fpr: no interpolation, so it can be had in practice.
double tpr_at_fpr(std::span<const int> labels, std::span<const double> scores, double max_fpr);

// Scores sorted once, then swept many times with other weights: what the point figures and the bootstrap share.
// `index` is the position of a sample in the spans it was built from. Thread-safe; keeps copies.
class RankedScores {
 public:
  RankedScores(std::span<const int> labels, std::span<const double> scores);

  size_t size() const { return order_.size(); }
  std::span<const uint32_t> order() const { return order_; }  // indices, highest score first
  double score(size_t rank) const { return scores_[rank]; }
  bool positive(size_t rank) const { return positive_[rank] != 0; }
  // True when the next rank holds another score (or there is none).
  bool ends_tie(size_t rank) const { return rank + 1 == scores_.size() || scores_[rank + 1] != scores_[rank]; }

 private:
  std::vector<uint32_t> order_;
  std::vector<double> scores_;
  std::vector<uint8_t> positive_;
};

// The FPRs at which TPR is reported.
inline constexpr double kReportedFpr[] = {1e-1, 1e-2, 1e-3, 1e-4};

struct CurveFigures {
  double auc, eer, average_precision;
  double tpr_at_fpr[std::size(kReportedFpr)];
};
// All figures of the curve in one sweep. `weights` gives each index a multiplicity ([size], empty = 1 each).
CurveFigures curve_figures(const RankedScores& ranked, std::span<const uint32_t> weights = {});

// Normal deviate of a rate, clipped to [floor, 1 - floor]: the axes of a DET plot. Acklam's rational approximation of
// the inverse normal distribution (relative error below 1.2e-9).
double normal_deviate(double rate, double floor = 1e-6);

// Throws Error as promised in metrics.h.
void check_scores(std::span<const int> labels, std::span<const double> scores);

}  // namespace fsfm::metrics
