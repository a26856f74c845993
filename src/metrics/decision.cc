#include "metrics/decision.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "metrics/roc.h"

namespace fsfm::metrics {
namespace {

constexpr double kToleratedError = 0.1, kGuessingEer = 0.4;

double ratio(size_t part, size_t whole) {
  return whole ? static_cast<double>(part) / static_cast<double>(whole) : std::numeric_limits<double>::quiet_NaN();
}

// A threshold t with low < t <= high, as far from both as can be: scores may move a little without crossing it.
double between(double low, double high) {
  const double middle = low + (high - low) / 2;
  return middle > low ? middle : high;
}

}  // namespace

ErrorRates error_rates(std::span<const int> labels, std::span<const double> scores, double threshold) {
  check_scores(labels, scores);
  size_t count[2] = {}, wrong[2] = {};
  for (size_t i = 0; i < labels.size(); ++i) {
    ++count[labels[i]];
    wrong[labels[i]] += (scores[i] >= threshold) != (labels[i] == 1);
  }
  ErrorRates rates{};
  rates.threshold = threshold;
  rates.attacks = count[1];
  rates.bona_fide = count[0];
  rates.apcer = ratio(wrong[1], count[1]);
  rates.bpcer = ratio(wrong[0], count[0]);
  rates.acer = (rates.apcer + rates.bpcer) / 2;
  rates.accuracy = 1.0 - ratio(wrong[0] + wrong[1], labels.size());
  rates.balanced_accuracy = 1.0 - rates.acer;
  return rates;
}

double balanced_accuracy(std::span<const int> labels, std::span<const double> scores, double threshold) {
  return error_rates(labels, scores, threshold).balanced_accuracy;
}

std::vector<TypeRates> per_attack_type(std::span<const int> labels, std::span<const double> scores,
                                       std::span<const std::string> types, double threshold) {
  check_scores(labels, scores);
  if (types.size() != labels.size())
    throw Error("metrics: " + std::to_string(labels.size()) + " scores but " + std::to_string(types.size()) +
                " attack types");
  std::vector<std::string> names;
  std::unordered_map<std::string, std::vector<double>> scores_of;
  std::vector<double> bona_fide;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == 0) {
      bona_fide.push_back(scores[i]);
      continue;
    }
    auto& list = scores_of[types[i]];
    if (list.empty()) names.push_back(types[i]);
    list.push_back(scores[i]);
  }
  std::vector<TypeRates> result;
  for (const auto& name : names) {
    std::vector<double> both = scores_of[name];
    std::vector<int> both_labels(both.size(), 1);
    const double apcer = error_rates(both_labels, both, threshold).apcer;
    const size_t count = both.size();
    both.insert(both.end(), bona_fide.begin(), bona_fide.end());
    both_labels.resize(both.size(), 0);
    result.push_back({name, count, apcer, auc(both_labels, both)});
  }
  return result;
}

double eer_threshold(std::span<const int> labels, std::span<const double> scores) {
  const auto curve = roc_curve(labels, scores, false);
  if (curve.empty())
    throw Error("metrics: a threshold needs scores of both classes", "add bona fide and attack samples");
  size_t best = 1;
  for (size_t i = 1; i < curve.size(); ++i)
    if (std::abs(1 - curve[i].tpr - curve[i].fpr) < std::abs(1 - curve[best].tpr - curve[best].fpr)) best = i;
  const double high = curve[best].threshold;
  return best + 1 < curve.size() ? between(curve[best + 1].threshold, high) : high;
}

double threshold_for_bpcer(std::span<const int> labels, std::span<const double> scores, double max_bpcer) {
  check_scores(labels, scores);
  std::vector<double> bona_fide;
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] == 0) bona_fide.push_back(scores[i]);
  if (bona_fide.empty()) throw Error("metrics: a false alarm rate needs bona fide samples", "add real samples");
  std::sort(bona_fide.begin(), bona_fide.end(), std::greater<>());
  const double n = static_cast<double>(bona_fide.size());
  size_t allowed = 0;
  while (allowed < bona_fide.size() && static_cast<double>(allowed + 1) / n <= max_bpcer) ++allowed;
  if (allowed == bona_fide.size()) return *std::min_element(scores.begin(), scores.end());
  // Just above the first score that must stay bona fide: its ties stay with it.
  return std::nextafter(bona_fide[allowed], std::numeric_limits<double>::infinity());
}

std::optional<std::array<double, 2>> undecided_band(std::span<const int> labels, std::span<const double> scores) {
  check_scores(labels, scores);
  std::vector<double> attacks, bona_fide;
  for (size_t i = 0; i < scores.size(); ++i) (labels[i] == 1 ? attacks : bona_fide).push_back(scores[i]);
  if (attacks.empty() || bona_fide.empty())
    throw Error("metrics: an undecided band needs scores of both classes", "add bona fide and attack samples");
  if (eer(labels, scores) >= kGuessingEer) return std::array{0.0, 1.0};
  std::sort(attacks.begin(), attacks.end());
  std::sort(bona_fide.begin(), bona_fide.end(), std::greater<>());
  const double low = attacks[static_cast<size_t>(kToleratedError * static_cast<double>(attacks.size()))];
  const double high = bona_fide[static_cast<size_t>(kToleratedError * static_cast<double>(bona_fide.size()))];
  if (low >= high) return std::nullopt;
  return std::array{low, high};
}

}  // namespace fsfm::metrics
