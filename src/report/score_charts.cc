#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "report/charts.h"
#include "report/markup.h"

namespace fsfm::report {
namespace {

constexpr double kRow = 17;

// The names of the curves in a column that starts at y.
void key(Plot& plot, const std::vector<ScoreCurve>& curves, double x, double y, const char* anchor, bool with_auc) {
  for (const auto& curve : curves) {
    std::string text = curve.name;
    if (with_auc) text += fmt::format("{}AUC {:.3f}", text.empty() ? "" : " · ", curve.auc);
    plot.text(x, y, text, color(curve.color), anchor, true, true);
    y += kRow;
  }
}

double height_of_key(const std::vector<ScoreCurve>& curves) { return kRow * static_cast<double>(curves.size()); }

std::vector<std::pair<double, std::string>> deviate_ticks(double low, double high) {
  std::vector<std::pair<double, std::string>> ticks;
  constexpr double kRoomForText = 0.22;
  for (double percent : {0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 50.0, 80.0, 95.0}) {
    const double deviate = metrics::normal_deviate(percent / 100);
    if (percent / 100 < low * 0.999 || percent / 100 > high * 1.001) continue;
    if (ticks.empty() || deviate - ticks.back().first > kRoomForText)
      ticks.emplace_back(deviate, fmt::format("{:g} %", percent));
  }
  return ticks;
}

}  // namespace

std::string roc_chart(const std::vector<ScoreCurve>& curves, bool log_fpr, ChartSize size) {
  constexpr double kLeast = 1e-4;
  Axis x{.label = "False positive rate (BPCER)", .log = log_fpr, .min = log_fpr ? kLeast : 0.0, .max = 1.0};
  const Axis y{.label = "True positive rate (1 − APCER)", .min = 0.0, .max = 1.0};
  Plot plot(size, x, {*x.min, 1}, y, {0, 1});
  std::vector<double> chance_x, chance_y;
  for (int i = 0; i <= 100; ++i) {
    const double t = i / 100.0;
    chance_x.push_back(log_fpr ? std::pow(kLeast, 1 - t) : t);
    chance_y.push_back(chance_x.back());
  }
  plot.polyline(chance_x, chance_y, "var(--muted)", 1, "2 4");
  for (const auto& curve : curves) {
    std::vector<double> fpr, tpr;
    for (const auto& point : curve.points) {
      // A log axis has no zero: steps start at its left edge.
      fpr.push_back(log_fpr ? std::max(point.fpr, kLeast) : point.fpr);
      tpr.push_back(point.tpr);
    }
    plot.polyline(fpr, tpr, color(curve.color), 2);
  }
  // The corner that good curves leave free.
  if (log_fpr)
    key(plot, curves, plot.left() + 10, plot.top() + 14, "start", true);
  else
    key(plot, curves, plot.right() - 10, plot.bottom() - height_of_key(curves), "end", true);
  return plot.finish("ROC curve");
}

std::string det_chart(const std::vector<ScoreCurve>& curves, ChartSize size) {
  double least = 0.01;  // smallest rate that any set of samples can show
  for (const auto& curve : curves)
    for (const auto& point : curve.points)
      for (double rate : {point.fpr, 1 - point.tpr})
        if (rate > 0) least = std::min(least, rate);
  for (double edge : {0.01, 0.005, 0.001, 0.0005, 0.0001})
    if (edge <= least || edge == 0.0001) {
      least = edge;
      break;
    }
  constexpr double kMost = 0.95;
  const Range range{metrics::normal_deviate(least), metrics::normal_deviate(kMost)};
  Axis x{.label = "BPCER: real faces called attacks", .ticks = deviate_ticks(least, kMost)};
  Axis y{.label = "APCER: attacks missed", .ticks = deviate_ticks(least, kMost)};
  Plot plot(size, x, range, y, range);
  plot.polyline({range.low, range.high}, {range.low, range.high}, "var(--muted)", 1, "2 4");
  plot.text(plot.px(range.high) - 44, plot.py(range.high) + 22, "equal errors", "var(--muted)", "end", true);
  for (const auto& curve : curves) {
    std::vector<double> bpcer, apcer;
    // A rate of exactly 0 has no place on these axes: the curve ends there.
    for (const auto& point : curve.points) {
      if (point.fpr <= 0 || point.fpr > kMost || point.tpr < 1 - kMost || point.tpr >= 1) continue;
      bpcer.push_back(metrics::normal_deviate(point.fpr));
      apcer.push_back(metrics::normal_deviate(1 - point.tpr));
    }
    plot.polyline(bpcer, apcer, color(curve.color), 2);
  }
  key(plot, curves, plot.left() + 10, plot.bottom() - height_of_key(curves), "start", false);
  return plot.finish("Detection error trade-off");
}

std::string reliability_chart(const metrics::Calibration& calibration, ChartSize size) {
  const Axis x{.label = "Score P(attack)", .min = 0.0, .max = 1.0, .grid = false};
  const Axis y{.label = "Share that are attacks", .min = 0.0, .max = 1.0};
  Plot plot(size, x, {0, 1}, y, {0, 1});
  plot.polyline({0, 1}, {0, 1}, "var(--muted)", 1, "2 4");
  size_t total = 0;
  for (const auto& bin : calibration.bins) total += bin.count;
  std::vector<double> mean, rate;
  for (const auto& bin : calibration.bins) {
    if (bin.count == 0) continue;
    mean.push_back(bin.mean_score);
    rate.push_back(bin.positive_rate);
    // The gap to the diagonal is the calibration error of this bin.
    plot.line_px(plot.px(bin.mean_score), plot.py(bin.mean_score), plot.px(bin.mean_score), plot.py(bin.positive_rate),
                 "var(--c1)", 1.25);
  }
  plot.polyline(mean, rate, color(0), 1.25, "", 0.55);
  for (const auto& bin : calibration.bins) {
    if (bin.count == 0) continue;
    const double share = static_cast<double>(bin.count) / static_cast<double>(total);
    plot.circle(bin.mean_score, bin.positive_rate, 2.5 + 13 * std::sqrt(share), color(0), 0.85,
                fmt::format("{} samples: mean score {:.3f}, {:.1f} % attacks", bin.count, bin.mean_score,
                            100 * bin.positive_rate));
  }
  if (total > 0)
    plot.text(plot.left() + 12, plot.top() + 14, fmt::format("ECE {:.3f}", calibration.ece), "var(--text)", "start",
              true, true);
  return plot.finish("Reliability diagram");
}

std::string score_histogram(const std::vector<ScoreGroup>& groups, double threshold, int bins, ChartSize size) {
  std::vector<std::vector<double>> shares;
  double highest = 0;
  for (const auto& group : groups) {
    std::vector<double> share(bins);
    for (double score : group.scores)
      if (std::isfinite(score))
        share[std::clamp(static_cast<int>(score * bins), 0, bins - 1)] +=
            100.0 / static_cast<double>(group.scores.size());
    highest = std::max(highest, *std::max_element(share.begin(), share.end()));
    shares.push_back(std::move(share));
  }
  const Axis x{.label = "Score P(attack)", .min = 0.0, .max = 1.0, .grid = false};
  const Axis y{.label = "% of each class", .min = 0.0};
  Plot plot(size, x, {0, 1}, y, axis_range(y, {0, highest > 0 ? highest : 1}));
  for (size_t g = 0; g < groups.size(); ++g) {
    std::vector<double> edge_x{0}, edge_y{0};
    for (int b = 0; b < bins; ++b)
      for (int side = 0; side < 2; ++side) {
        edge_x.push_back(static_cast<double>(b + side) / bins);
        edge_y.push_back(shares[g][b]);
      }
    edge_x.push_back(1);
    edge_y.push_back(0);
    plot.band(edge_x, std::vector<double>(edge_x.size(), 0.0), edge_y, color(groups[g].color), 0.22);
    plot.polyline(edge_x, edge_y, color(groups[g].color), 1.5);
  }
  if (std::isfinite(threshold) && threshold >= 0 && threshold <= 1) {
    plot.line_px(plot.px(threshold), plot.top(), plot.px(threshold), plot.bottom(), "var(--text)", 1, "4 3");
    const bool to_left = threshold > 0.6;
    plot.text(plot.px(threshold) + (to_left ? -6 : 6), plot.top() + 10, fmt::format("threshold {:.3f}", threshold),
              "var(--text)", to_left ? "end" : "start", true);
  }
  // Each name sits over the mass of its group; groups that share a place are named beside it.
  std::vector<double> means;
  for (const auto& group : groups) {
    double mean = 0;
    for (double score : group.scores) mean += score / static_cast<double>(group.scores.size());
    means.push_back(mean);
  }
  constexpr double kApart = 0.3;
  bool apart = true;
  for (size_t g = 1; g < means.size(); ++g) apart = apart && std::abs(means[g] - means[g - 1]) > kApart;
  const bool room_right = !means.empty() && means[0] < 0.5;
  double y_px = plot.top() + 28;
  for (size_t g = 0; g < groups.size(); ++g) {
    const double x_px = apart        ? plot.px(std::clamp(means[g], 0.12, 0.88))
                        : room_right ? plot.right() - 10
                                     : plot.left() + 10;
    plot.text(x_px, y_px, groups[g].name, color(groups[g].color),
              apart        ? "middle"
              : room_right ? "end"
                           : "start",
              true, true);
    y_px += kRow;
  }
  return plot.finish("Histogram of scores by class");
}

}  // namespace fsfm::report
