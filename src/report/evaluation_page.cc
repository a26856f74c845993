#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "report/charts.h"
#include "report/evaluation_report.h"
#include "report/markup.h"

namespace fsfm::report {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

const LevelFigures& main_level(const Evaluation& e) { return e.has_videos ? e.videos : e.frames; }

std::string thousands(size_t value) { return with_thousands(static_cast<long long>(value)); }

std::string area_range(const metrics::Interval& i) {
  return std::isfinite(i.low) ? fmt::format("{:.3f} – {:.3f}", i.low, i.high) : "";
}

std::string rate_range(const metrics::Interval& i) {
  return std::isfinite(i.low) ? fmt::format("{:.1f} – {:.1f} %", 100 * i.low, 100 * i.high) : "";
}

std::string area(double value) { return std::isfinite(value) ? fmt::format("{:.3f}", value) : "–"; }

Cell rate_cell(double value, const metrics::Interval& interval) {
  return std::isfinite(value) ? Cell(format_percent(value), rate_range(interval)) : Cell("–");
}

std::vector<Cell> figure_row(const std::string& name, const LevelFigures& l) {
  std::vector<Cell> row{Cell(name),
                        Cell(thousands(l.labels.size()), fmt::format("{} attack", thousands(l.attacks))),
                        Cell(area(l.curve.auc), area_range(l.intervals.auc)),
                        rate_cell(l.curve.eer, l.intervals.eer),
                        rate_cell(l.at_threshold.apcer, l.intervals.apcer),
                        rate_cell(l.at_threshold.bpcer, l.intervals.bpcer),
                        rate_cell(l.at_threshold.acer, l.intervals.acer)};
  constexpr size_t kOnePercent = 1;
  row.push_back(resolves(l.bona_fide, metrics::kReportedFpr[kOnePercent])
                    ? rate_cell(l.curve.tpr_at_fpr[kOnePercent], l.intervals.tpr_at_fpr[kOnePercent])
                    : Cell("–", "too few real"));
  return row;
}

void headline(HtmlPage& page, const EvaluationReport& report) {
  if (report.evaluations.size() != 1) return;
  const auto& e = report.evaluations[0];
  const auto& l = main_level(e);
  page.cards({{area(l.curve.auc), e.has_videos ? "AUC of videos" : "AUC", area_range(l.intervals.auc)},
              {format_percent(l.curve.eer), "Equal error rate", rate_range(l.intervals.eer)},
              {format_percent(l.at_threshold.apcer), "APCER: attacks missed", rate_range(l.intervals.apcer)},
              {format_percent(l.at_threshold.bpcer), "BPCER: false alarms", rate_range(l.intervals.bpcer)},
              {format_number(e.calibration.ece, 3), "Calibration error", "ECE"}});
}

void figures(HtmlPage& page, const EvaluationReport& report) {
  Table table{"", {"Dataset", "Samples", "AUC", "EER", "APCER", "BPCER", "ACER", "TPR at FPR 1 %"}, {}};
  for (const auto& e : report.evaluations) {
    table.rows.push_back(figure_row(e.has_videos ? e.dataset + ", frames" : e.dataset, e.frames));
    if (e.has_videos) table.rows.push_back(figure_row(e.dataset + ", videos", e.videos));
  }
  page.section(
      "Figures",
      "Below each figure its 95 % interval: bootstrap over whole videos. APCER, BPCER and ACER (= HTER) are taken at "
      "the threshold named under Model.");
  page.table(table);
  for (const auto& e : report.evaluations)
    if (e.unreadable)
      page.note(fmt::format("{}: {} pictures could not be read and are left out.", e.dataset, e.unreadable));
}

// Both errors as the threshold moves: what another operating point would cost.
std::string error_chart(const EvaluationReport& report) {
  LineChart chart{"Errors by threshold",
                  {.label = "Threshold", .min = 0.0, .max = 1.0},
                  {.label = "Error", .min = 0.0, .max = 1.0}};
  for (size_t i = 0; i < report.evaluations.size(); ++i) {
    const auto& l = main_level(report.evaluations[i]);
    const auto points = metrics::roc_curve(l.labels, l.scores);
    if (points.empty()) continue;
    const std::string name = report.evaluations.size() == 1 ? "" : report.evaluations[i].dataset + ": ";
    Series missed{.name = name + "APCER", .color = report.evaluations.size() == 1 ? kColorAttack : static_cast<int>(i)};
    Series alarms{.name = name + "BPCER",
                  .color = report.evaluations.size() == 1 ? kColorReal : static_cast<int>(i),
                  .dashed = true};
    for (const auto& point : points) {
      if (!(point.threshold >= 0 && point.threshold <= 1)) continue;
      missed.x.push_back(point.threshold);
      missed.y.push_back(1 - point.tpr);
      alarms.x.push_back(point.threshold);
      alarms.y.push_back(point.fpr);
    }
    chart.series.push_back(std::move(missed));
    chart.series.push_back(std::move(alarms));
  }
  chart.size = {520, 420};
  return line_chart(chart);
}

void curves(HtmlPage& page, const EvaluationReport& report) {
  std::vector<ScoreCurve> lines;
  for (size_t i = 0; i < report.evaluations.size(); ++i) {
    const auto& e = report.evaluations[i];
    const auto& l = main_level(e);
    auto points = metrics::roc_curve(l.labels, l.scores);
    if (!points.empty()) lines.push_back({e.dataset, std::move(points), l.curve.auc, static_cast<int>(i)});
  }
  if (lines.empty()) return;
  page.section("Curves");
  page.charts({{roc_chart(lines), "ROC", "Higher and further left is better; the dotted line is chance."},
               {det_chart(lines), "Detection error trade-off",
                "Both errors on the scale of a normal distribution; lower left is better."},
               {roc_chart(lines, true), "ROC where false alarms are rare",
                "The same curve with the false positive rate spread out."},
               {error_chart(report), "Errors by threshold",
                "APCER: attacks missed. BPCER, dashed: real faces called attacks."}});
}

void per_dataset(HtmlPage& page, const Evaluation& e) {
  page.section(e.dataset, "How the scores of single faces are spread, and whether they can be read as probabilities.");
  std::vector<double> real, attack;
  for (size_t i = 0; i < e.frames.labels.size(); ++i)
    (e.frames.labels[i] ? attack : real).push_back(e.frames.scores[i]);
  std::vector<Chart> charts{
      {score_histogram({{"real", real, kColorReal}, {"attack", attack, kColorAttack}}, e.point.threshold),
       "Scores by class", "Overlap is where errors come from."},
      {reliability_chart(e.calibration), "Calibration",
       "On the diagonal a score of 0.8 is right 8 times of 10. Larger dots hold more faces."}};
  if (e.types.size() > 1) {
    BarChart bars{"APCER by attack type", {.label = "APCER", .min = 0.0}, {}, kWideChart};
    for (const auto& type : e.types)
      bars.bars.push_back({fmt::format("{} ({})", type.type, type.count), type.apcer, kNone, kNone,
                           fmt::format("{}, AUC {}", format_percent(type.apcer), area(type.auc)), kColorAttack});
    charts.push_back(
        {bar_chart(bars), "Attacks missed, by type", "ISO/IEC 30107-3 counts the worst type, not the mean.", true});
  }
  page.charts(charts);
}

void published(HtmlPage& page, const EvaluationReport& report) {
  Table table{
      "", {"Dataset", "HTER", "Threshold, P(live)", "TPR at FPR 1 %", "APCER", "BPCER", "ACER", "Accuracy"}, {}};
  for (const auto& e : report.evaluations)
    if (std::isfinite(e.paper.eer))
      table.rows.push_back({e.dataset, format_percent(e.paper.hter), fmt::format("{:.4f}", e.paper.threshold),
                            format_percent(e.paper.tpr_at_fpr_1pct), format_percent(e.paper.apcer),
                            format_percent(e.paper.bpcer), format_percent(e.paper.acer),
                            format_percent(e.paper.accuracy)});
  if (table.rows.empty()) return;
  page.section("As the papers report it",
               "HTER here takes its threshold from the very scores it judges, and the other rates take 0.5: figures "
               "to set beside published tables, not to rely on.");
  page.table(table);
}

void comparisons(HtmlPage& page, const EvaluationReport& report) {
  if (report.comparisons.empty()) return;
  Table table{"", {"Dataset", "AUC", "AUC of " + report.comparisons[0].other, "Difference", "p"}, {}};
  for (const auto& c : report.comparisons)
    table.rows.push_back({c.dataset, Cell(area(c.videos.auc_a), "", c.videos.difference > 0),
                          Cell(area(c.videos.auc_b), "", c.videos.difference < 0),
                          Cell(fmt::format("{:+.4f}", c.videos.difference),
                               fmt::format("{:+.4f} to {:+.4f}", c.videos.low, c.videos.high)),
                          fmt::format("{:.2g}", c.videos.p_value)});
  page.section("Against " + report.comparisons[0].other, "Paired DeLong test over the same videos.").table(table);
}

void robustness(HtmlPage& page, const EvaluationReport& report) {
  if (report.robustness.empty()) return;
  page.section("Robustness", "AUC of single faces, degraded before they reach the model: 0 is as they are, 5 severe.");
  std::vector<Chart> charts;
  for (const auto& e : report.evaluations) {
    LineChart chart{"AUC under degradation", {.label = "Strength"}, {.label = "AUC"}};
    for (const auto& point : report.robustness) {
      if (point.dataset != e.dataset) continue;
      if (chart.series.empty() || chart.series.back().name != point.kind)
        chart.series.push_back({.name = point.kind, .color = static_cast<int>(chart.series.size())});
      chart.series.back().x.push_back(point.strength);
      chart.series.back().y.push_back(point.auc);
    }
    charts.push_back({line_chart(chart), e.dataset, ""});
  }
  page.charts(charts);
  for (const auto& e : report.evaluations) {
    Table table{e.dataset, {"Degradation", "As is", "1", "2", "3", "4", "5"}, {}};
    for (const auto& point : report.robustness) {
      if (point.dataset != e.dataset) continue;
      if (point.strength == 0) table.rows.push_back({point.kind});
      table.rows.back().push_back(
          Cell(area(point.auc), point.strength == 0 ? area_range(point.interval) : point.meaning));
    }
    page.table(table);
  }
}

void model(HtmlPage& page, const EvaluationReport& report) {
  const auto& card = report.card;
  std::vector<std::pair<std::string, std::string>> pairs{{"File", report.model_path},
                                                         {"Architecture", card.architecture},
                                                         {"Task", card.task},
                                                         {"Classes", join(card.classes, ", ")},
                                                         {"Attack classes", join(card.attack_classes, ", ")},
                                                         {"Preprocessing", card.resize}};
  if (!report.evaluations.empty()) {
    const auto& point = report.evaluations[0].point;
    pairs.emplace_back("Threshold", fmt::format("{:.4f}: {}", point.threshold, point.source));
    pairs.emplace_back("Temperature", fmt::format("{:.3f}", point.temperature));
  }
  if (!card.licence.empty()) pairs.emplace_back("Licence", card.licence);
  std::erase_if(pairs, [](const auto& pair) { return pair.second.empty(); });
  page.section("Model").key_values(pairs);
}

}  // namespace

HtmlPage evaluation_page(const EvaluationReport& report) {
  std::vector<std::string> names;
  for (const auto& e : report.evaluations) names.push_back(e.dataset);
  HtmlPage page("Evaluation of " + report.card.name,
                "On " + join(names, ", ") + ". A score is the probability that a face is an attack.");
  headline(page, report);
  figures(page, report);
  comparisons(page, report);
  curves(page, report);
  for (const auto& e : report.evaluations) per_dataset(page, e);
  robustness(page, report);
  published(page, report);
  model(page, report);
  return page;
}

}  // namespace fsfm::report
