#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/text.h"
#include "report/evaluation_report.h"
#include "report/markup.h"
#include "report/text_table.h"

namespace fsfm::report {
namespace {

using Rows = TextRows;

std::string rate(double value, const metrics::Interval& interval) {
  if (!std::isfinite(value)) return "–";
  return fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * value, 100 * interval.low, 100 * interval.high);
}

std::string area(double value, const metrics::Interval& interval) {
  return std::isfinite(value) ? fmt::format("{:.4f} [{:.4f}, {:.4f}]", value, interval.low, interval.high) : "–";
}

std::vector<std::string> row(const std::string& name, const Evaluation& e,
                             const std::function<std::string(const LevelFigures&)>& cell) {
  std::vector<std::string> cells{name, cell(e.frames)};
  if (e.has_videos) cells.push_back(cell(e.videos));
  return cells;
}

std::string one_dataset(const Evaluation& e) {
  std::string text = fmt::format(
      "{}: {} faces{}, {} attack, {} real\n", e.dataset, with_thousands(static_cast<long long>(e.frames.labels.size())),
      e.has_videos ? fmt::format(" of {} videos", with_thousands(static_cast<long long>(e.videos.labels.size()))) : "",
      with_thousands(static_cast<long long>(e.frames.attacks)),
      with_thousands(static_cast<long long>(e.frames.bona_fide)));
  if (e.unreadable) text += fmt::format("  {} pictures could not be read and are left out\n", e.unreadable);
  Rows rows{{"", e.has_videos ? "frames [95 %]" : "faces [95 %]"}};
  if (e.has_videos) rows[0].push_back("videos [95 %]");
  rows.push_back(row("AUC", e, [](const auto& l) { return area(l.curve.auc, l.intervals.auc); }));
  rows.push_back(row("average precision", e,
                     [](const auto& l) { return area(l.curve.average_precision, l.intervals.average_precision); }));
  rows.push_back(row("equal error rate", e, [](const auto& l) { return rate(l.curve.eer, l.intervals.eer); }));
  for (size_t i = 0; i < std::size(metrics::kReportedFpr); ++i) {
    if (!resolves(e.frames.bona_fide, metrics::kReportedFpr[i])) continue;
    rows.push_back(row(fmt::format("TPR at FPR {:g} %", 100 * metrics::kReportedFpr[i]), e, [i](const auto& l) {
      return resolves(l.bona_fide, metrics::kReportedFpr[i]) ? rate(l.curve.tpr_at_fpr[i], l.intervals.tpr_at_fpr[i])
                                                             : "–";
    }));
  }
  rows.push_back({fmt::format("at threshold {:.4f}", e.point.threshold)});
  rows.push_back(
      row("  APCER (attacks missed)", e, [](const auto& l) { return rate(l.at_threshold.apcer, l.intervals.apcer); }));
  rows.push_back(
      row("  BPCER (false alarms)", e, [](const auto& l) { return rate(l.at_threshold.bpcer, l.intervals.bpcer); }));
  rows.push_back(row("  ACER = HTER", e, [](const auto& l) { return rate(l.at_threshold.acer, l.intervals.acer); }));
  rows.push_back(
      row("  accuracy", e, [](const auto& l) { return rate(l.at_threshold.accuracy, l.intervals.accuracy); }));
  rows.push_back({"calibration error (ECE)", fmt::format("{:.4f}", e.calibration.ece)});
  text += aligned(rows);
  if (e.types.size() > 1) {
    Rows types{{"attack type", e.has_videos ? "videos" : "faces", "APCER", "AUC"}};
    const metrics::TypeRates* worst = &e.types[0];
    for (const auto& type : e.types) {
      if (type.apcer > worst->apcer) worst = &type;
      types.push_back({type.type, with_thousands(static_cast<long long>(type.count)), format_percent(type.apcer),
                       fmt::format("{:.4f}", type.auc)});
    }
    text += fmt::format("\n{}  worst type: {} (APCER {})\n", aligned(types), worst->type, format_percent(worst->apcer));
  }
  if (std::isfinite(e.paper.eer))
    text += fmt::format(
        "\n  as published, threshold chosen on these very scores (too kind): HTER {} at P(live) {:.4f}, TPR at FPR 1 % "
        "{}\n",
        format_percent(e.paper.hter), e.paper.threshold, format_percent(e.paper.tpr_at_fpr_1pct));
  else
    text += "\n  AUC, EER and the like need both real and attack samples; the split holds one class only\n";
  return text;
}

}  // namespace

std::string evaluation_text(const EvaluationReport& report) {
  std::string text;
  for (const auto& e : report.evaluations) {
    if (!text.empty()) text += '\n';
    text += one_dataset(e);
  }
  if (report.evaluations.size() > 1) {
    Rows rows{{"across datasets", "AUC [95 %]", "EER", "APCER", "BPCER", "ACER"}};
    double sum[5] = {};
    for (const auto& e : report.evaluations) {
      const auto& l = e.has_videos ? e.videos : e.frames;
      const double values[5] = {l.curve.auc, l.curve.eer, l.at_threshold.apcer, l.at_threshold.bpcer,
                                l.at_threshold.acer};
      for (int i = 0; i < 5; ++i) sum[i] += values[i] / static_cast<double>(report.evaluations.size());
      rows.push_back({e.dataset + (e.has_videos ? " (videos)" : " (faces)"), area(l.curve.auc, l.intervals.auc),
                      format_percent(values[1]), format_percent(values[2]), format_percent(values[3]),
                      format_percent(values[4])});
    }
    rows.push_back({"mean", std::isfinite(sum[0]) ? fmt::format("{:.4f}", sum[0]) : "–", format_percent(sum[1]),
                    format_percent(sum[2]), format_percent(sum[3]), format_percent(sum[4])});
    text += fmt::format("\n{}", aligned(rows));
  }
  for (const auto& c : report.comparisons)
    text += fmt::format(
        "\n{}: AUC {:.4f} against {:.4f} of {}; difference {:+.4f} [{:+.4f}, {:+.4f}], p = {:.2g} (DeLong, paired)\n",
        c.dataset, c.videos.auc_a, c.videos.auc_b, c.other, c.videos.difference, c.videos.low, c.videos.high,
        c.videos.p_value);
  if (!report.robustness.empty()) {
    std::map<std::string, std::map<std::string, std::vector<std::string>>> tables;
    std::map<std::string, std::vector<std::string>> order;
    for (const auto& point : report.robustness) {
      auto& cells = tables[point.dataset][point.kind];
      if (cells.empty()) {
        cells.push_back(point.kind);
        order[point.dataset].push_back(point.kind);
      }
      cells.push_back(std::isfinite(point.auc) ? fmt::format("{:.4f}", point.auc) : "–");
    }
    for (const auto& e : report.evaluations) {
      Rows rows{{"AUC of degraded faces", "as is", "1 mild", "2", "3", "4", "5 severe"}};
      for (const auto& kind : order[e.dataset]) rows.push_back(tables[e.dataset][kind]);
      text += fmt::format("\n{}\n{}", e.dataset, aligned(rows));
    }
  }
  return text;
}

}  // namespace fsfm::report
