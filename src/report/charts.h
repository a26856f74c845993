// Charts as SVG text, ready for HtmlPage::charts. Text is escaped; values may be NaN (left out).
#pragma once

#include <string>
#include <vector>

#include "metrics/calibration.h"
#include "metrics/roc.h"
#include "report/plot.h"

namespace fsfm::report {

struct Series {
  std::string name;
  std::vector<double> x{}, y{};
  std::vector<double> low{}, high{};  // band around y, when given
  int color = 0;
  bool dashed = false;
  bool faint = false;  // thin and pale, without a label: raw values behind a smoothed curve
};

struct LineChart {
  std::string title;
  Axis x{}, y{};
  std::vector<Series> series{};  // named at their right end
  ChartSize size{};
};
std::string line_chart(const LineChart& chart);

// Exponential moving average for noisy curves, unbiased at the start; weight in [0, 1).
std::vector<double> smooth(const std::vector<double>& values, double weight = 0.9);

struct Bar {
  std::string label;
  double value;
  double low, high;       // whisker; NaN = none
  std::string note = "";  // text after the bar; "" = the value
  int color = 0;
};
struct BarChart {
  std::string title;
  Axis axis{};              // of the values
  std::vector<Bar> bars{};  // horizontal, from the top
  int width = 520;
};
std::string bar_chart(const BarChart& chart);

struct PointGroup {
  std::string name;
  std::vector<double> x, y;
  int color = 0;
};
// A 2-D embedding: axes have no units, so none are drawn; groups are named at their middle.
std::string scatter_chart(const std::string& title, const std::vector<PointGroup>& groups, ChartSize size = {520, 420});

struct ScoreCurve {
  std::string name;
  std::vector<metrics::RocPoint> points;  // metrics::roc_curve
  double auc;
  int color = 0;
};
// True positive rate over false positive rate; with `log_fpr` the left end, where systems are used, is spread out.
std::string roc_chart(const std::vector<ScoreCurve>& curves, bool log_fpr = false, ChartSize size = {520, 420});
// APCER over BPCER on normal-deviate axes: normal scores give straight lines.
std::string det_chart(const std::vector<ScoreCurve>& curves, ChartSize size = {520, 420});

// Share of attacks among samples of about the same score, against the score; the area of a dot is its share of samples.
std::string reliability_chart(const metrics::Calibration& calibration, ChartSize size = {520, 420});

struct ScoreGroup {
  std::string name;
  std::vector<double> scores;  // in [0, 1]
  int color = 0;
};
// Share of each group per score bin; `threshold` (NaN = none) is drawn in.
std::string score_histogram(const std::vector<ScoreGroup>& groups, double threshold, int bins = 40,
                            ChartSize size = {520, 340});

}  // namespace fsfm::report
