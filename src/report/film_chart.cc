#include "report/film_chart.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <vector>

namespace fsfm::report {
namespace {

using nlohmann::json;

constexpr double kWidth = 1060, kHeight = 170, kLeft = 36, kRight = 8, kTop = 10, kBottom = 22;

struct Dot {
  double x, y;
  bool fit;
};

bool is_fit(const json& face) {
  const std::string reason = face.value("reason", "");
  return reason == "below_threshold" || reason == "above_threshold" || reason == "doubt_band";
}

}  // namespace

std::string film_chart(const json& entry, const json& header) {
  const json& frames = entry.at("frames");
  const double from = frames.front().value("seconds", 0.0), to = frames.back().value("seconds", 0.0);
  const double width = kWidth - kLeft - kRight, height = kHeight - kTop - kBottom;
  const auto x_of = [&](double t) { return kLeft + (to > from ? (t - from) / (to - from) : 0) * width; };
  const auto y_of = [&](double score) { return kTop + (1 - score) * height; };
  std::map<int, std::vector<Dot>> persons;
  for (const auto& frame : frames)
    for (const auto& face : frame.value("faces", json::array()))
      persons[face.value("person", 0)].push_back(
          {x_of(frame.value("seconds", 0.0)), y_of(face.value("score", 0.0)), is_fit(face)});

  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=img aria-label=\"P(attack) over time\" data-from={:.3f} data-to={:.3f} "
      "data-left={} "
      "data-width={}>",
      kWidth, kHeight, from, to, kLeft, width);
  for (const double score : {0.0, 0.5, 1.0})
    svg += fmt::format(
        "<line x1={} x2={} y1={:.1f} y2={:.1f} stroke=\"var(--grid)\"/><text class=tick x={} y={:.1f} "
        "text-anchor=end>{:.1f}</text>",
        kLeft, kWidth - kRight, y_of(score), y_of(score), kLeft - 8, y_of(score) + 4, score);
  const double threshold = header.value("threshold", 0.5);
  svg += fmt::format(
      "<line x1={} x2={} y1={:.1f} y2={:.1f} stroke=\"var(--text)\" stroke-dasharray=\"5 4\" "
      "opacity=.6><title>threshold "
      "{:.3f}</title></line>",
      kLeft, kWidth - kRight, y_of(threshold), y_of(threshold), threshold);
  const int ticks = 6;
  for (int i = 0; to > from && i <= ticks; ++i) {
    const double t = from + (to - from) * i / ticks;
    svg += fmt::format("<text class=tick x={:.1f} y={} text-anchor={}>{:.1f} s</text>", x_of(t), kHeight - 4,
                       i == ticks ? "end" : "middle", t);
  }
  for (const auto& [person, dots] : persons) {
    const std::string color = fmt::format("var(--c{})", std::max(0, person) % kPersonColors);
    std::string points;
    for (const Dot& dot : dots) points += fmt::format("{:.1f},{:.1f} ", dot.x, dot.y);
    svg += fmt::format("<polyline points=\"{}\" fill=none stroke=\"{}\" stroke-width=2 stroke-linejoin=round />",
                       points, color);
    for (const Dot& dot : dots)
      svg += fmt::format("<circle cx={:.1f} cy={:.1f} r=4 fill=\"{}\" stroke=\"{}\" stroke-width=2 />", dot.x, dot.y,
                         dot.fit ? color : "var(--panel)", color);
  }
  svg += fmt::format("<line class=now x1={0} x2={0} y1={1} y2={2} stroke=\"var(--c1)\" stroke-width=2 />", kLeft, kTop,
                     kHeight - kBottom);
  return svg + "</svg>";
}

}  // namespace fsfm::report
