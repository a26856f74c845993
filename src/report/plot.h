// The frame every chart is drawn in: scales, ticks, grid, labels; and the SVG around it. Colours are the CSS variables
// of the page (page_style.cc), so that one chart serves light and dark.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fsfm::report {

struct Axis {
  std::string label{};
  bool log = false;
  std::optional<double> min{}, max{};                   // from the data when absent
  std::vector<std::pair<double, std::string>> ticks{};  // round values when empty
  bool grid = true;
  bool visible = true;  // false: no line, ticks or labels
};

struct ChartSize {
  int width = 520, height = 340;  // CSS pixels at full size
};

struct Range {
  double low, high;
};
// The axis limits for `values` (finite ones only; positive ones on a log axis): the axis' own where given, otherwise
// the data's, widened to round numbers.
Range axis_range(const Axis& axis, const std::vector<double>& values);

// A colour of the page's palette: 0.. cycles through eight hues that colour-blind readers can tell apart; the named
// ones keep their meaning on every page.
inline constexpr int kColorReal = 0, kColorAttack = 1, kColorMuted = -1;
std::string color(int index);

// Width in pixels that `text` takes at `size` pixels, near enough to reserve room for it.
double estimate_text_width(const std::string& text, double size = 12);

// Draws into plot coordinates. Usage: Plot plot(size, x_axis, x_range, y_axis, y_range, right_margin);
// plot.polyline(...); return plot.finish("what a screen reader says"). Thread-compatible.
class Plot {
 public:
  Plot(ChartSize size, Axis x, Range x_range, Axis y, Range y_range, double right_margin = 16);

  double px(double x) const;  // data -> pixels, clamped to the frame
  double py(double y) const;
  double left() const { return left_; }
  double right() const { return right_; }
  double top() const { return top_; }
  double bottom() const { return bottom_; }

  // A line through the points; a NaN breaks it. Points closer than a third of a pixel are merged.
  void polyline(const std::vector<double>& x, const std::vector<double>& y, const std::string& stroke,
                double width = 1.75, const std::string& dashes = "", double opacity = 1);
  // The area between two curves.
  void band(const std::vector<double>& x, const std::vector<double>& low, const std::vector<double>& high,
            const std::string& fill, double opacity = 0.14);
  void circle(double x, double y, double radius, const std::string& fill, double opacity = 1,
              const std::string& tip = "");
  // Pixel coordinates. anchor: start | middle | end; halo keeps text readable over marks.
  void text(double x_px, double y_px, const std::string& text, const std::string& fill, const char* anchor = "start",
            bool halo = false, bool strong = false);
  void line_px(double x1, double y1, double x2, double y2, const std::string& stroke, double width = 1,
               const std::string& dashes = "");
  void rect_px(double x, double y, double width, double height, const std::string& fill, double opacity = 1,
               const std::string& tip = "", double radius = 0);

  std::string finish(const std::string& description) const;

 private:
  void draw_axes();
  double scale(double value, const Axis& axis, const Range& range) const;

  ChartSize size_;
  Axis x_, y_;
  Range x_range_, y_range_;
  double left_, right_, top_, bottom_;
  std::string body_;
};

}  // namespace fsfm::report
