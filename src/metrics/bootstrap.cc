#include "metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/rng.h"

namespace fsfm::metrics {
namespace {

struct Clusters {
  std::vector<uint32_t> of_sample;            // cluster of each sample
  std::vector<std::vector<uint32_t>> strata;  // cluster numbers: bona fide only, attacks only, mixed
  size_t count = 0;
};

Clusters group(std::span<const int> labels, std::span<const std::string> names) {
  Clusters clusters;
  std::unordered_map<std::string_view, uint32_t> numbers;
  std::vector<uint8_t> classes;  // bit 0: has bona fide, bit 1: has attacks
  for (size_t i = 0; i < labels.size(); ++i) {
    uint32_t number = static_cast<uint32_t>(classes.size());
    if (!names.empty()) number = numbers.try_emplace(names[i], number).first->second;
    if (number == classes.size()) classes.push_back(0);
    classes[number] |= static_cast<uint8_t>(1 << labels[i]);
    clusters.of_sample.push_back(number);
  }
  clusters.strata.resize(3);
  for (uint32_t c = 0; c < classes.size(); ++c) clusters.strata[classes[c] - 1].push_back(c);
  clusters.count = classes.size();
  return clusters;
}

// Linear interpolation between order statistics; resamples in which the figure was undefined are left out.
Interval percentile(std::vector<double> values, double confidence) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  std::sort(values.begin(), values.end());
  auto at = [&](double quantile) {
    const double position = quantile * static_cast<double>(values.size() - 1);
    const size_t low = static_cast<size_t>(position), high = std::min(low + 1, values.size() - 1);
    return values[low] + (values[high] - values[low]) * (position - static_cast<double>(low));
  };
  return {at((1 - confidence) / 2), at((1 + confidence) / 2)};
}

struct Draw {
  CurveFigures curve;
  double apcer, bpcer, accuracy;
};

}  // namespace

FigureIntervals bootstrap(std::span<const int> labels, std::span<const double> scores,
                          std::span<const std::string> names, double threshold, const BootstrapOptions& options) {
  const RankedScores ranked(labels, scores);
  if (!names.empty() && names.size() != labels.size())
    throw Error("metrics: " + std::to_string(labels.size()) + " scores but " + std::to_string(names.size()) +
                " cluster names");
  if (options.resamples < 1) throw Error("metrics: a bootstrap needs at least 1 resample");
  const Clusters clusters = group(labels, names);

  std::vector<Draw> draws(options.resamples);
  const int threads = thread_count(options.threads);
  struct Scratch {
    std::vector<uint32_t> of_cluster, of_sample;
  };
  std::vector<Scratch> scratch(threads);
  parallel_for(draws.size(), threads, [&](size_t resample, int worker) {
    Rng rng(options.seed, resample);
    auto& [of_cluster, weights] = scratch[worker];
    of_cluster.assign(clusters.count, 0);
    for (const auto& stratum : clusters.strata)
      for (size_t k = 0; k < stratum.size(); ++k)
        ++of_cluster[stratum[rng.below(static_cast<uint32_t>(stratum.size()))]];
    weights.resize(labels.size());
    double total[2] = {}, wrong[2] = {};
    for (size_t i = 0; i < labels.size(); ++i) {
      weights[i] = of_cluster[clusters.of_sample[i]];
      total[labels[i]] += weights[i];
      if ((scores[i] >= threshold) != (labels[i] == 1)) wrong[labels[i]] += weights[i];
    }
    draws[resample] = {curve_figures(ranked, weights), wrong[1] / total[1], wrong[0] / total[0],
                       1 - (wrong[0] + wrong[1]) / (total[0] + total[1])};
  });

  auto interval = [&](auto&& figure) {
    std::vector<double> values;
    values.reserve(draws.size());
    for (const auto& draw : draws) values.push_back(figure(draw));
    return percentile(std::move(values), options.confidence);
  };
  FigureIntervals result{};
  result.clusters = clusters.count;
  result.auc = interval([](const Draw& d) { return d.curve.auc; });
  result.eer = interval([](const Draw& d) { return d.curve.eer; });
  result.average_precision = interval([](const Draw& d) { return d.curve.average_precision; });
  for (size_t i = 0; i < std::size(kReportedFpr); ++i)
    result.tpr_at_fpr[i] = interval([i](const Draw& d) { return d.curve.tpr_at_fpr[i]; });
  result.apcer = interval([](const Draw& d) { return d.apcer; });
  result.bpcer = interval([](const Draw& d) { return d.bpcer; });
  result.acer = interval([](const Draw& d) { return (d.apcer + d.bpcer) / 2; });
  result.accuracy = interval([](const Draw& d) { return d.accuracy; });
  return result;
}

}  // namespace fsfm::metrics
