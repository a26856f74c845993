#include "metrics/delong.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "metrics/roc.h"

namespace fsfm::metrics {
namespace {

// Structural components: for a positive the share of negatives it beats, for a negative the share of positives that
// beat it (ties half). Their mean over either class is the AUC.
std::vector<double> components(std::span<const int> labels, std::span<const double> scores, double positives,
                               double negatives) {
  const RankedScores ranked(labels, scores);
  std::vector<double> result(labels.size());
  double positives_above = 0, negatives_above = 0;
  for (size_t first = 0; first < ranked.size();) {
    size_t end = first;
    double tied_positives = 0, tied_negatives = 0;
    do ++(ranked.positive(end) ? tied_positives : tied_negatives);
    while (!ranked.ends_tie(end++));
    for (size_t rank = first; rank < end; ++rank)
      result[ranked.order()[rank]] = ranked.positive(rank) ? 1 - (negatives_above + tied_negatives / 2) / negatives
                                                           : (positives_above + tied_positives / 2) / positives;
    positives_above += tied_positives;
    negatives_above += tied_negatives;
    first = end;
  }
  return result;
}

struct ClusterSums {
  double deviation[2] = {};  // sum of (component - AUC) over the cluster's negatives [0] and positives [1]
};

}  // namespace

AucComparison compare_auc(std::span<const int> labels, std::span<const double> a, std::span<const double> b,
                          std::span<const std::string> clusters) {
  check_scores(labels, a);
  check_scores(labels, b);
  if (!clusters.empty() && clusters.size() != labels.size())
    throw Error("metrics: " + std::to_string(labels.size()) + " scores but " + std::to_string(clusters.size()) +
                " cluster names");
  const double positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
  const double negatives = static_cast<double>(labels.size()) - positives;

  std::vector<uint32_t> cluster_of(labels.size());
  std::unordered_map<std::string_view, uint32_t> numbers;
  uint32_t count = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    cluster_of[i] = clusters.empty() ? count : numbers.try_emplace(clusters[i], count).first->second;
    count = std::max(count, cluster_of[i] + 1);
  }
  std::vector<uint8_t> has(count);
  for (size_t i = 0; i < labels.size(); ++i) has[cluster_of[i]] |= static_cast<uint8_t>(1 << labels[i]);
  double with[2] = {};  // clusters that hold a negative / a positive
  for (uint8_t bits : has) with[0] += bits & 1, with[1] += bits >> 1;
  if (with[0] < 2 || with[1] < 2)
    throw Error("metrics: comparing two AUCs needs at least two independent samples of each class");

  double auc_of[2];
  std::vector<ClusterSums> sums[2];
  for (int model = 0; model < 2; ++model) {
    const auto parts = components(labels, model ? b : a, positives, negatives);
    double sum = 0;
    for (size_t i = 0; i < labels.size(); ++i) sum += labels[i] ? parts[i] : 0;
    auc_of[model] = sum / positives;
    sums[model].resize(count);
    for (size_t i = 0; i < labels.size(); ++i)
      sums[model][cluster_of[i]].deviation[labels[i]] += parts[i] - auc_of[model];
  }
  const double size[2] = {negatives, positives};
  auto covariance = [&](int r, int s) {
    double within[2] = {}, across = 0;
    for (uint32_t c = 0; c < count; ++c) {
      const auto &x = sums[r][c].deviation, &y = sums[s][c].deviation;
      for (int k = 0; k < 2; ++k) within[k] += x[k] * y[k];
      across += x[0] * y[1] + x[1] * y[0];
    }
    double total = count > 1 ? across * count / (count - 1.0) / (size[0] * size[1]) : 0;
    for (int k = 0; k < 2; ++k) total += within[k] * with[k] / (with[k] - 1) / (size[k] * size[k]);
    return total;
  };
  AucComparison result{};
  result.auc_a = auc_of[0];
  result.auc_b = auc_of[1];
  result.difference = auc_of[0] - auc_of[1];
  result.variance_a = covariance(0, 0);
  result.variance_b = covariance(1, 1);
  // Rounding can leave a hair below zero when both rank alike.
  const double variance = std::max(0.0, result.variance_a + result.variance_b - 2 * covariance(0, 1));
  result.standard_error = std::sqrt(variance);
  if (result.standard_error > 1e-12) {
    result.z = result.difference / result.standard_error;
    result.p_value = std::erfc(std::abs(result.z) / std::sqrt(2.0));
  } else {
    result.p_value = result.difference == 0 ? 1 : 0;
  }
  constexpr double kZ95 = 1.959963984540054;
  result.low = result.difference - kZ95 * result.standard_error;
  result.high = result.difference + kZ95 * result.standard_error;
  return result;
}

}  // namespace fsfm::metrics
