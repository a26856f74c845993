#include "report/charts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report/markup.h"

namespace fsfm::report {
namespace {

constexpr double kLabelHeight = 15, kMaxLabelWidth = 170;

// Moves label positions apart so that none overlap, keeping their order and staying inside [top, bottom].
void spread(std::vector<double>& y, double top, double bottom) {
  std::vector<size_t> order(y.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return y[a] < y[b]; });
  for (size_t k = 1; k < order.size(); ++k) y[order[k]] = std::max(y[order[k]], y[order[k - 1]] + kLabelHeight);
  double limit = bottom;
  for (size_t k = order.size(); k-- > 0; limit = y[order[k]] - kLabelHeight) y[order[k]] = std::min(y[order[k]], limit);
  limit = top;
  for (size_t k = 0; k < order.size(); limit = y[order[k++]] + kLabelHeight) y[order[k]] = std::max(y[order[k]], limit);
}

}  // namespace

std::vector<double> smooth(const std::vector<double>& values, double weight) {
  std::vector<double> result;
  double sum = 0, total = 0;
  for (double value : values) {
    if (std::isfinite(value)) {
      sum = weight * sum + value;
      total = weight * total + 1;
    }
    result.push_back(total > 0 ? sum / total : value);
  }
  return result;
}

std::string line_chart(const LineChart& chart) {
  std::vector<double> xs, ys;
  double label_width = 0;
  for (const auto& s : chart.series) {
    xs.insert(xs.end(), s.x.begin(), s.x.end());
    for (const auto* values : {&s.y, &s.low, &s.high}) ys.insert(ys.end(), values->begin(), values->end());
    if (!s.faint) label_width = std::max(label_width, estimate_text_width(s.name) + 4);
  }
  Axis x = chart.x;
  x.grid = false;
  // The x axis ends with the data: a curve that stops short of its frame looks unfinished.
  if (!x.log && !xs.empty()) {
    const auto [low, high] = std::minmax_element(xs.begin(), xs.end());
    if (!x.min) x.min = *low;
    if (!x.max) x.max = *high > *low ? *high : *low + 1;
  }
  Plot plot(chart.size, x, axis_range(x, xs), chart.y, axis_range(chart.y, ys),
            std::min(label_width, kMaxLabelWidth) + 16);
  struct EndLabel {
    const Series* series;
    double x;
  };
  std::vector<EndLabel> labels;
  std::vector<double> label_y;
  for (const auto& s : chart.series) {
    plot.band(s.x, s.low, s.high, color(s.color));
    plot.polyline(s.x, s.y, color(s.color), s.faint ? 1 : 2, s.dashed ? "5 4" : "", s.faint ? 0.3 : 1);
    if (s.faint || s.name.empty()) continue;
    for (size_t i = std::min(s.x.size(), s.y.size()); i-- > 0;)
      if (std::isfinite(s.x[i]) && std::isfinite(s.y[i])) {
        labels.push_back({&s, plot.px(s.x[i])});
        label_y.push_back(plot.py(s.y[i]));
        plot.circle(s.x[i], s.y[i], 2.6, color(s.color));
        break;
      }
  }
  spread(label_y, plot.top() + 4, plot.bottom() - 4);
  for (size_t i = 0; i < labels.size(); ++i)
    plot.text(labels[i].x + 8, label_y[i] + 4, labels[i].series->name, color(labels[i].series->color), "start", true,
              true);
  return plot.finish(chart.title);
}

std::string bar_chart(const BarChart& chart) {
  std::vector<double> values{0};
  double label_width = 0, note_width = 0;
  auto note_of = [](const Bar& bar) { return bar.note.empty() ? format_number(bar.value) : bar.note; };
  for (const auto& bar : chart.bars) {
    for (double v : {bar.value, bar.low, bar.high}) values.push_back(v);
    label_width = std::max(label_width, estimate_text_width(bar.label));
    note_width = std::max(note_width, estimate_text_width(note_of(bar)));
  }
  label_width = std::min(label_width, 0.4 * chart.width);
  constexpr double kRow = 30, kBar = 16;
  const int height = static_cast<int>(kRow * static_cast<double>(chart.bars.size())) + 58;
  Axis rows;
  rows.grid = false;
  // Tick texts of the rows reserve the left margin; each row is one unit high.
  for (size_t i = 0; i < chart.bars.size(); ++i)
    rows.ticks.emplace_back(static_cast<double>(chart.bars.size() - i) - 0.5, chart.bars[i].label);
  if (rows.ticks.empty()) rows.ticks.emplace_back(0.5, "");
  Axis axis = chart.axis;
  Plot plot({chart.width, height}, axis, axis_range(axis, values), rows,
            {0, std::max<double>(1, static_cast<double>(chart.bars.size()))}, note_width + 20);
  for (size_t i = 0; i < chart.bars.size(); ++i) {
    const auto& bar = chart.bars[i];
    if (!std::isfinite(bar.value)) continue;
    const double y = plot.py(static_cast<double>(chart.bars.size() - i) - 0.5);
    const double from = plot.px(std::clamp(0.0, std::min(bar.value, 0.0), std::max(bar.value, 0.0))),
                 to = plot.px(bar.value);
    plot.rect_px(std::min(from, to), y - kBar / 2, std::abs(to - from), kBar, color(bar.color), 0.85,
                 bar.label + ": " + note_of(bar), 2);
    double end = std::max(from, to);
    if (std::isfinite(bar.low) && std::isfinite(bar.high)) {
      plot.line_px(plot.px(bar.low), y, plot.px(bar.high), y, "var(--text)", 1.25);
      for (double v : {bar.low, bar.high}) plot.line_px(plot.px(v), y - 3.5, plot.px(v), y + 3.5, "var(--text)", 1.25);
      end = std::max(end, plot.px(bar.high));
    }
    plot.text(end + 8, y + 4, note_of(bar), "var(--text)");
  }
  return plot.finish(chart.title);
}

std::string scatter_chart(const std::string& title, const std::vector<PointGroup>& groups, ChartSize size) {
  std::vector<double> xs, ys;
  for (const auto& g : groups) {
    xs.insert(xs.end(), g.x.begin(), g.x.end());
    ys.insert(ys.end(), g.y.begin(), g.y.end());
  }
  const Axis bare{.grid = false, .visible = false};
  Range x = axis_range({}, xs), y = axis_range({}, ys);
  Plot plot(size, bare, x, bare, y);
  for (const auto& g : groups)
    for (size_t i = 0; i < std::min(g.x.size(), g.y.size()); ++i)
      plot.circle(g.x[i], g.y[i], 2.8, color(g.color), 0.55, g.name);
  std::vector<double> label_x, label_y;
  auto median = [](std::vector<double> values) {
    std::erase_if(values, [](double v) { return !std::isfinite(v); });
    if (values.empty()) return 0.0;
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
  };
  for (const auto& g : groups) {
    label_x.push_back(plot.px(median(g.x)));
    label_y.push_back(plot.py(median(g.y)));
  }
  spread(label_y, plot.top() + 8, plot.bottom() - 8);
  for (size_t i = 0; i < groups.size(); ++i)
    plot.text(label_x[i], label_y[i] + 4, groups[i].name, color(groups[i].color), "middle", true, true);
  return plot.finish(title);
}

}  // namespace fsfm::report
