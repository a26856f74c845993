#include "metrics/roc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "base/error.h"
namespace fsfm::metrics {

void check_scores(std::span<const int> labels, std::span<const double> scores) {
  if (labels.size() != scores.size())
    throw Error("metrics: " + std::to_string(labels.size()) + " labels but " + std::to_string(scores.size()) +
                " scores");
  if (labels.size() > std::numeric_limits<uint32_t>::max()) throw Error("metrics: more than 2^32 scores");
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != 0 && labels[i] != 1)
      throw Error("metrics: label " + std::to_string(labels[i]) + " of sample " + std::to_string(i) +
                  " is neither 0 nor 1");
    if (!std::isfinite(scores[i]))
      throw Error("metrics: the score of sample " + std::to_string(i) + " is not a finite number");
  }
}

RankedScores::RankedScores(std::span<const int> labels, std::span<const double> scores) {
  check_scores(labels, scores);
  order_.resize(scores.size());
  std::iota(order_.begin(), order_.end(), 0u);
  std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  scores_.reserve(order_.size());
  positive_.reserve(order_.size());
  for (uint32_t index : order_) {
    scores_.push_back(scores[index]);
    positive_.push_back(static_cast<uint8_t>(labels[index]));
  }
}

CurveFigures curve_figures(const RankedScores& ranked, std::span<const uint32_t> weights) {
  const auto order = ranked.order();
  auto weight = [&](size_t rank) { return weights.empty() ? 1.0 : static_cast<double>(weights[order[rank]]); };
  double positives = 0, negatives = 0;
  for (size_t rank = 0; rank < ranked.size(); ++rank) (ranked.positive(rank) ? positives : negatives) += weight(rank);
  CurveFigures figures{kNaN, kNaN, kNaN, {kNaN, kNaN, kNaN, kNaN}};
  if (positives == 0 || negatives == 0) return figures;

  double area = 0, precision_sum = 0, crossing = kNaN;  // area in units of pairs
  double tpr_at[std::size(kReportedFpr)] = {};
  double tp = 0, fp = 0, last_tp = 0, last_fp = 0;
  for (size_t rank = 0; rank < ranked.size(); ++rank) {
    (ranked.positive(rank) ? tp : fp) += weight(rank);
    if (!ranked.ends_tie(rank)) continue;
    area += (fp - last_fp) * (tp + last_tp) * 0.5;
    if (tp > last_tp) precision_sum += (tp - last_tp) * tp / (tp + fp);
    // 1 - fpr - tpr falls from 1 to -1: the segment where it changes sign holds the equal error rate.
    const double after = 1.0 - fp / negatives - tp / positives;
    if (std::isnan(crossing) && after <= 0) {
      const double before = 1.0 - last_fp / negatives - last_tp / positives;
      crossing = (last_fp + (fp - last_fp) * before / (before - after)) / negatives;
    }
    for (size_t i = 0; i < std::size(kReportedFpr); ++i)
      if (fp / negatives <= kReportedFpr[i]) tpr_at[i] = tp / positives;
    last_tp = tp;
    last_fp = fp;
  }
  figures.auc = area / (positives * negatives);
  figures.eer = crossing;
  figures.average_precision = precision_sum / positives;
  std::copy(std::begin(tpr_at), std::end(tpr_at), std::begin(figures.tpr_at_fpr));
  return figures;
}

std::vector<RocPoint> roc_curve(std::span<const int> labels, std::span<const double> scores, bool drop_intermediate) {
  const RankedScores ranked(labels, scores);
  struct Step {
    int64_t fp, tp;
    double threshold;
  };
  std::vector<Step> steps;
  int64_t tp = 0, fp = 0;
  for (size_t rank = 0; rank < ranked.size(); ++rank) {
    ++(ranked.positive(rank) ? tp : fp);
    if (ranked.ends_tie(rank)) steps.push_back({fp, tp, ranked.score(rank)});
  }
  if (tp == 0 || fp == 0) return {};
  std::vector<RocPoint> curve{{0, 0, std::numeric_limits<double>::infinity()}};
  for (size_t i = 0; i < steps.size(); ++i) {
    if (drop_intermediate && i > 0 && i + 1 < steps.size()) {
      const auto &a = steps[i - 1], &b = steps[i], &c = steps[i + 1];
      if (a.fp + c.fp == 2 * b.fp && a.tp + c.tp == 2 * b.tp) continue;
    }
    curve.push_back({static_cast<double>(steps[i].fp) / fp, static_cast<double>(steps[i].tp) / tp, steps[i].threshold});
  }
  return curve;
}

double auc(std::span<const int> labels, std::span<const double> scores) {
  return curve_figures(RankedScores(labels, scores)).auc;
}

double eer(std::span<const int> labels, std::span<const double> scores) {
  return curve_figures(RankedScores(labels, scores)).eer;
}

double average_precision(std::span<const int> labels, std::span<const double> scores) {
  return curve_figures(RankedScores(labels, scores)).average_precision;
}

double tpr_at_fpr(std::span<const int> labels, std::span<const double> scores, double max_fpr) {
  const auto curve = roc_curve(labels, scores, false);
  double best = curve.empty() ? kNaN : 0.0;
  for (const auto& point : curve)
    if (point.fpr <= max_fpr) best = point.tpr;
  return best;
}

double normal_deviate(double rate, double floor) {
  // P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
  constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                          1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                          -1.328068155288572e+01};
  constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                          -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
  constexpr double kTail = 0.02425;
  const double p = std::clamp(rate, floor, 1.0 - floor);
  auto tail = [&](double q) {
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1.0);
  };
  if (p < kTail) return tail(std::sqrt(-2.0 * std::log(p)));
  if (p > 1.0 - kTail) return -tail(std::sqrt(-2.0 * std::log(1.0 - p)));
  const double q = p - 0.5, r = q * q;
  return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
         (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1.0);
}

}  // namespace fsfm::metrics
