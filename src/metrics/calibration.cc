#include "metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "metrics/roc.h"

namespace fsfm::metrics {
namespace {

constexpr double kClip = 1e-12;

double mean_nll(std::span<const int> labels, std::span<const double> scores) {
  double sum = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const double p = std::clamp(scores[i], kClip, 1 - kClip);
    sum -= std::log(labels[i] ? p : 1 - p);
  }
  return labels.empty() ? kNaN : sum / static_cast<double>(labels.size());
}

void softmax_into(std::span<const float> logits, double temperature, std::span<double> out) {
  if (logits.empty()) return;
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (size_t c = 0; c < logits.size(); ++c) sum += out[c] = std::exp((logits[c] - highest) / temperature);
  for (double& p : out) p /= sum;
}

}  // namespace

Calibration calibration(std::span<const int> labels, std::span<const double> scores, int bins) {
  check_scores(labels, scores);
  if (bins < 1) throw Error("metrics: a calibration needs at least 1 bin");
  Calibration result{};
  std::vector<double> score_sum(bins), positives(bins);
  for (int b = 0; b < bins; ++b)
    result.bins.push_back({static_cast<double>(b) / bins, static_cast<double>(b + 1) / bins, 0, kNaN, kNaN});
  double squares = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (scores[i] < 0 || scores[i] > 1)
      throw Error("metrics: score " + std::to_string(scores[i]) + " of sample " + std::to_string(i) +
                  " is no probability");
    const int b = std::min(bins - 1, static_cast<int>(scores[i] * bins));
    ++result.bins[b].count;
    score_sum[b] += scores[i];
    positives[b] += labels[i];
    squares += (scores[i] - labels[i]) * (scores[i] - labels[i]);
  }
  const double n = static_cast<double>(labels.size());
  for (int b = 0; b < bins; ++b) {
    auto& bin = result.bins[b];
    if (bin.count == 0) continue;
    bin.mean_score = score_sum[b] / static_cast<double>(bin.count);
    bin.positive_rate = positives[b] / static_cast<double>(bin.count);
    result.ece += static_cast<double>(bin.count) / n * std::abs(bin.mean_score - bin.positive_rate);
  }
  if (labels.empty()) result.ece = kNaN;
  result.brier = squares / n;
  result.nll = mean_nll(labels, scores);
  return result;
}

std::vector<double> softmax(std::span<const float> logits, double temperature) {
  if (!(temperature > 0)) throw Error("metrics: a temperature must be above 0, not " + std::to_string(temperature));
  std::vector<double> out(logits.size());
  softmax_into(logits, temperature, out);
  return out;
}

std::vector<double> attack_scores(std::span<const float> logits, std::span<const uint8_t> is_attack,
                                  double temperature) {
  const size_t classes = is_attack.size();
  if (classes == 0 || logits.size() % classes != 0)
    throw Error("metrics: " + std::to_string(logits.size()) + " logits do not divide into " + std::to_string(classes) +
                " classes");
  if (!(temperature > 0)) throw Error("metrics: a temperature must be above 0, not " + std::to_string(temperature));
  std::vector<double> scores(logits.size() / classes), row(classes);
  for (size_t i = 0; i < scores.size(); ++i) {
    softmax_into(logits.subspan(i * classes, classes), temperature, row);
    double sum = 0;
    for (size_t c = 0; c < classes; ++c)
      if (is_attack[c]) sum += row[c];
    scores[i] = sum > 1 ? 1 : sum;  // rounding; NaN stays NaN
  }
  return scores;
}

double fit_temperature(std::span<const float> logits, std::span<const uint8_t> is_attack, std::span<const int> labels) {
  const auto positives = std::count(labels.begin(), labels.end(), 1);
  if (positives == 0 || positives == static_cast<std::ptrdiff_t>(labels.size()))
    throw Error("metrics: a temperature needs samples of both classes", "add bona fide and attack samples");
  check_scores(labels, attack_scores(logits, is_attack));
  auto loss = [&](double log_temperature) {
    return mean_nll(labels, attack_scores(logits, is_attack, std::exp(log_temperature)));
  };
  // A coarse grid finds the valley (with several attack classes the loss need not be convex), golden section its floor.
  const double low = std::log(0.05), high = std::log(20.0);
  constexpr int kGrid = 24;
  const double step = (high - low) / kGrid;
  int best = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= kGrid; ++i)
    if (const double l = loss(low + i * step); l < best_loss) best_loss = l, best = i;
  double a = std::max(low, low + (best - 1) * step), b = std::min(high, low + (best + 1) * step);
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double x1 = b - golden * (b - a), x2 = a + golden * (b - a), f1 = loss(x1), f2 = loss(x2);
  while (b - a > 1e-6) {
    if (f1 < f2) {
      b = x2, x2 = x1, f2 = f1;
      f1 = loss(x1 = b - golden * (b - a));
    } else {
      a = x1, x1 = x2, f1 = f2;
      f2 = loss(x2 = a + golden * (b - a));
    }
  }
  return std::exp((a + b) / 2);
}

}  // namespace fsfm::metrics
