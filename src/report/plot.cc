#include "report/plot.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "report/markup.h"

namespace fsfm::report {
namespace {

constexpr double kTickText = 11.5;
constexpr int kHues = 9;

// 1, 2 or 5 times a power of ten, near span / wanted.
double round_step(double span, int wanted) {
  const double raw = span / std::max(1, wanted);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (double m : {1.0, 2.0, 5.0, 10.0})
    if (raw <= m * power * 1.0001) return m * power;
  return 10 * power;
}

std::string tick_text(double value, double step) {
  const double magnitude = std::abs(value);
  if (magnitude >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (magnitude >= 1e4) return fmt::format("{:g}k", value / 1e3);
  if (magnitude > 0 && magnitude < 1e-4) return fmt::format("{:.0e}", value);
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  std::string text = fmt::format("{:.{}f}", std::abs(value) < step * 1e-6 ? 0.0 : value, decimals);
  if (text[0] == '-') text.replace(0, 1, "−");
  return text;
}

std::vector<std::pair<double, std::string>> choose_ticks(const Axis& axis, const Range& range, int wanted) {
  if (!axis.ticks.empty()) return axis.ticks;
  std::vector<std::pair<double, std::string>> ticks;
  if (axis.log) {
    const double decades = std::log10(range.high / range.low);
    const int skip = std::max(1, static_cast<int>(std::ceil(decades / 8)));
    int nth = 0;
    for (int p = static_cast<int>(std::floor(std::log10(range.low))); p <= std::ceil(std::log10(range.high));
         ++p, ++nth) {
      if (nth % skip) continue;
      for (double m : {1.0, 2.0, 5.0}) {
        const double value = m * std::pow(10.0, p);
        if ((m > 1 && decades > 2) || value < range.low * 0.999 || value > range.high * 1.001) continue;
        ticks.emplace_back(value, tick_text(value, std::pow(10.0, p)));
      }
    }
    return ticks;
  }
  const double step = round_step(range.high - range.low, wanted);
  for (int64_t k = static_cast<int64_t>(std::ceil(range.low / step - 1e-6)); k <= std::floor(range.high / step + 1e-6);
       ++k)
    ticks.emplace_back(static_cast<double>(k) * step, tick_text(static_cast<double>(k) * step, step));
  return ticks;
}

std::string title_of(const std::string& tip) { return tip.empty() ? "" : "<title>" + escape(tip) + "</title>"; }

}  // namespace

std::string color(int index) { return index < 0 ? "var(--muted)" : fmt::format("var(--c{})", index % kHues); }

double estimate_text_width(const std::string& text, double size) {
  size_t characters = 0;
  for (unsigned char c : text) characters += (c & 0xC0) != 0x80;
  return static_cast<double>(characters) * size * 0.56;
}

Range axis_range(const Axis& axis, const std::vector<double>& values) {
  double low = INFINITY, high = -INFINITY;
  for (double v : values)
    if (std::isfinite(v) && (!axis.log || v > 0)) low = std::min(low, v), high = std::max(high, v);
  if (low > high) low = axis.log ? 0.1 : 0, high = 1;
  if (axis.log) {
    if (high / low < 1.5) low /= 1.5, high *= 1.5;
    return {axis.min.value_or(low), axis.max.value_or(high)};
  }
  if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {
    const double pad = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= pad, high += pad;
  }
  const double step = round_step(high - low, 5) / 2;
  return {axis.min.value_or(std::floor(low / step + 1e-9) * step),
          axis.max.value_or(std::ceil(high / step - 1e-9) * step)};
}

Plot::Plot(ChartSize size, Axis x, Range x_range, Axis y, Range y_range, double right_margin)
    : size_(size), x_(std::move(x)), y_(std::move(y)), x_range_(x_range), y_range_(y_range) {
  if (x_.visible) x_.ticks = choose_ticks(x_, x_range_, std::max(3, size.width / 95));
  if (y_.visible) y_.ticks = choose_ticks(y_, y_range_, std::max(3, size.height / 65));
  double widest = 0;
  for (const auto& [value, label] : y_.ticks) widest = std::max(widest, estimate_text_width(label, kTickText));
  left_ = std::ceil(widest) + 10;
  top_ = y_.label.empty() ? 10 : 28;
  right_ = size.width - right_margin;
  bottom_ = size.height - (!x_.visible ? 8 : x_.label.empty() ? 24 : 42);
  draw_axes();
}

double Plot::scale(double value, const Axis& axis, const Range& range) const {
  const double t = axis.log ? std::log(std::max(value, 1e-300) / range.low) / std::log(range.high / range.low)
                            : (value - range.low) / (range.high - range.low);
  return std::clamp(t, 0.0, 1.0);
}

double Plot::px(double x) const { return left_ + scale(x, x_, x_range_) * (right_ - left_); }
double Plot::py(double y) const { return bottom_ - scale(y, y_, y_range_) * (bottom_ - top_); }

void Plot::draw_axes() {
  for (const auto& [value, label] : y_.ticks) {
    if (y_.grid) line_px(left_, py(value), right_, py(value), "var(--grid)");
    body_ += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", left_ - 7,
                         py(value) + 4, escape(label));
  }
  double last_end = -1e9;
  for (const auto& [value, label] : x_.ticks) {
    const double half = estimate_text_width(label, kTickText) / 2;
    if (px(value) - half < last_end + 6) continue;  // labels never touch
    last_end = px(value) + half;
    line_px(px(value), bottom_, px(value), bottom_ + 4, "var(--axis)");
    body_ += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", px(value),
                         bottom_ + 17, escape(label));
  }
  if (x_.visible) line_px(left_, bottom_, right_, bottom_, "var(--axis)");
  if (!y_.label.empty()) body_ += fmt::format("<text class=\"label\" x=\"0\" y=\"13\">{}</text>", escape(y_.label));
  if (!x_.label.empty())
    body_ += fmt::format("<text class=\"label\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"end\">{}</text>", right_,
                         size_.height - 5, escape(x_.label));
}

void Plot::polyline(const std::vector<double>& x, const std::vector<double>& y, const std::string& stroke, double width,
                    const std::string& dashes, double opacity) {
  std::string path;
  bool pen_down = false;
  double last_x = 0, last_y = 0;
  const size_t n = std::min(x.size(), y.size());
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) {
      pen_down = false;
      continue;
    }
    const double to_x = px(x[i]), to_y = py(y[i]);
    if (pen_down && i + 1 < n && std::hypot(to_x - last_x, to_y - last_y) < 0.34) continue;
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', to_x, to_y);
    pen_down = true;
    last_x = to_x, last_y = to_y;
  }
  body_ += fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\" "
      "stroke-linecap=\"round\"",
      path, stroke, width);
  if (!dashes.empty()) body_ += fmt::format(" stroke-dasharray=\"{}\"", dashes);
  if (opacity < 1) body_ += fmt::format(" opacity=\"{:.2f}\"", opacity);
  body_ += "></path>";
}

void Plot::band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high,
                const std::string& fill, double opacity) {
  std::string path;
  const size_t n = std::min({x.size(), low.size(), high.size()});
  for (size_t k = 0; k < 2 * n; ++k) {
    const size_t i = k < n ? k : 2 * n - 1 - k;
    const double y = k < n ? high[i] : low[i];
    if (std::isfinite(x[i]) && std::isfinite(y))
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? 'M' : 'L', px(x[i]), py(y));
  }
  if (!path.empty())
    body_ += fmt::format("<path d=\"{}Z\" fill=\"{}\" opacity=\"{:.2f}\"></path>", path, fill, opacity);
}

void Plot::circle(double x, double y, double radius, const std::string& fill, double opacity, const std::string& tip) {
  if (!std::isfinite(x) || !std::isfinite(y)) return;
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\" opacity=\"{:.2f}\">{}</circle>",
                       px(x), py(y), radius, fill, opacity, title_of(tip));
}

void Plot::text(double x_px, double y_px, const std::string& text, const std::string& fill, const char* anchor,
                bool halo, bool strong) {
  body_ += fmt::format("<text class=\"mark{}{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>",
                       halo ? " halo" : "", strong ? " strong" : "", x_px, y_px, anchor, fill, escape(text));
}

void Plot::line_px(double x1, double y1, double x2, double y2, const std::string& stroke, double width,
                   const std::string& dashes) {
  body_ +=
      fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"{}\"", x1,
                  y1, x2, y2, stroke, width);
  if (!dashes.empty()) body_ += fmt::format(" stroke-dasharray=\"{}\"", dashes);
  body_ += "></line>";
}

void Plot::rect_px(double x, double y, double width, double height, const std::string& fill, double opacity,
                   const std::string& tip, double radius) {
  body_ += fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{}\" fill=\"{}\" "
      "opacity=\"{:.2f}\">{}</rect>",
      x, y, std::max(0.0, width), std::max(0.0, height), radius, fill, opacity, title_of(tip));
}

std::string Plot::finish(const std::string& description) const {
  return fmt::format("<svg viewBox=\"0 0 {0} {1}\" style=\"max-width:{0}px\" role=\"img\" aria-label=\"{2}\">{3}</svg>",
                     size_.width, size_.height, escape(description), body_);
}

}  // namespace fsfm::report
