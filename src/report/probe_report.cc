#include "report/probe_report.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "base/text.h"
#include "report/charts.h"
#include "report/markup.h"
#include "report/text_table.h"

namespace fsfm::report {
namespace {

std::string count_text(size_t value) { return with_thousands(static_cast<long long>(value)); }

std::string area_text(const ProbeFigure& f) { return std::isfinite(f.auc) ? fmt::format("{:.3f}", f.auc) : "–"; }

std::string mean_text(double value) { return std::isfinite(value) ? fmt::format("{:.4f}", value) : "–"; }

bool has_threshold(const ProbedDataset& data) {
  for (const auto& f : data.figures)
    if (f.threshold) return true;
  return false;
}

std::string counts(const ProbedDataset& data) {
  std::string text = data.unlabelled ? count_text(data.faces) + " unlabelled faces"
                                     : fmt::format("{} faces, {} attack, {} real", count_text(data.faces),
                                                   count_text(data.attacks), count_text(data.faces - data.attacks));
  if (data.without_face) text += fmt::format("; in {} the parser found no face", count_text(data.without_face));
  if (data.unreadable) text += fmt::format("; {} could not be read", count_text(data.unreadable));
  return text;
}

}  // namespace

std::string probe_text(const ProbeReport& report) {
  std::string text = fmt::format("{}\n", report.meaning);
  for (const auto& data : report.datasets) {
    text += fmt::format("\n{}: {}\n", data.name, counts(data));
    const bool rates = has_threshold(data);
    TextRows rows{
        {report.probe == "knn" ? "score" : "hidden region", "faces", "mean of real", "mean of attacks", "AUC [95 %]"}};
    if (rates) rows[0].insert(rows[0].end(), {"APCER", "BPCER"});
    for (const auto& f : data.figures) {
      rows.push_back(
          {f.name, count_text(f.attacks + f.bona_fide), mean_text(f.mean_bona_fide), mean_text(f.mean_attack),
           std::isfinite(f.auc) ? fmt::format("{:.4f} [{:.4f}, {:.4f}]", f.auc, f.interval.low, f.interval.high)
                                : "–"});
      if (rates)
        rows.back().insert(rows.back().end(),
                           {f.threshold ? format_percent(f.apcer) : "–", f.threshold ? format_percent(f.bpcer) : "–"});
    }
    text += aligned(rows);
    if (data.attacks == 0 || data.attacks == data.faces)
      text += "  an AUC needs both real and attack faces; these are of one kind\n";
  }
  return text;
}

HtmlPage probe_page(const ProbeReport& report) {
  std::vector<std::string> names;
  for (const auto& data : report.datasets) names.push_back(data.name);
  HtmlPage page(report.probe == "knn" ? "Neighbours in the frozen features of " + report.card.name
                                      : "What " + report.card.name + " finds hard to paint",
                "On " + join(names, ", ") + ". No label was used to make these scores.");
  for (const auto& data : report.datasets) {
    page.section(data.name, counts(data) + ".");
    page.paragraph(report.meaning);
    BarChart bars{.title = "AUC of each score", .axis = {.label = "AUC", .min = 0.0, .max = 1.0}};
    Table table{
        "", {report.probe == "knn" ? "Score" : "Hidden region", "Faces", "Mean of real", "Mean of attacks", "AUC"}, {}};
    const bool rates = has_threshold(data);
    if (rates) table.columns.insert(table.columns.end(), {"APCER", "BPCER"});
    for (const auto& f : data.figures) {
      const std::string range =
          std::isfinite(f.interval.low) ? fmt::format("{:.3f} – {:.3f}", f.interval.low, f.interval.high) : "";
      if (std::isfinite(f.auc))
        bars.bars.push_back({f.name, f.auc, f.interval.low, f.interval.high, area_text(f),
                             f.name == "all regions" ? kColorAttack : kColorReal});
      table.rows.push_back({Cell(f.name), Cell(count_text(f.attacks + f.bona_fide)), Cell(mean_text(f.mean_bona_fide)),
                            Cell(mean_text(f.mean_attack)), Cell(area_text(f), range)});
      if (rates) {
        table.rows.back().emplace_back(f.threshold ? format_percent(f.apcer) : "–");
        table.rows.back().emplace_back(f.threshold ? format_percent(f.bpcer) : "–");
      }
    }
    std::vector<Chart> charts;
    if (!bars.bars.empty())
      charts.push_back({bar_chart(bars), "How well each score finds attacks",
                        "0.5 is chance; below it, attacks score lower than real faces. Whiskers: 95 %, whole videos "
                        "resampled."});
    if (report.probe == "knn") {
      std::vector<double> real, attack;
      const auto& scores = data.scores.columns.at(0).scores;
      for (size_t i = 0; i < scores.size(); ++i)
        if (std::isfinite(scores[i])) (data.scores.faces.labels[i] ? attack : real).push_back(scores[i]);
      std::vector<ScoreGroup> groups;
      if (!real.empty()) groups.push_back({data.unlabelled ? "faces" : "real", real, kColorReal});
      if (!attack.empty()) groups.push_back({"attack", attack, kColorAttack});
      charts.push_back({score_histogram(groups, 0.5), "Distance to real faces",
                        "0.5 is the distance that few reference faces exceed among each other."});
    }
    if (!charts.empty()) page.charts(charts);
    page.table(table);
    if (data.attacks == 0 || data.attacks == data.faces)
      page.note("An AUC needs both real and attack faces; these are of one kind.");
    if (!data.suspicious.empty()) {
      page.heading("The faces with the highest scores");
      page.images(data.suspicious, 150);
    }
  }
  std::vector<std::pair<std::string, std::string>> pairs{{"File", report.model_path},
                                                         {"Architecture", report.card.architecture}};
  pairs.insert(pairs.end(), report.settings.begin(), report.settings.end());
  if (!report.card.licence.empty()) pairs.emplace_back("Licence", report.card.licence);
  page.section("Model and settings").key_values(pairs);
  return page;
}

nlohmann::json to_json(const ProbeReport& report) {
  nlohmann::json json{
      {"probe", report.probe},     {"model", report.model_path},           {"name", report.card.name},
      {"meaning", report.meaning}, {"settings", nlohmann::json::object()}, {"results", nlohmann::json::array()}};
  for (const auto& [name, value] : report.settings) json["settings"][name] = value;
  for (const auto& data : report.datasets) {
    nlohmann::json scores = nlohmann::json::array();
    for (const auto& figure : data.figures) scores.push_back(fsfm::to_json(figure));
    json["results"].push_back({{"dataset", data.name},
                               {"faces", data.faces},
                               {"attacks", data.attacks},
                               {"without_face", data.without_face},
                               {"unreadable", data.unreadable},
                               {"scores", scores}});
  }
  return json;
}

}  // namespace fsfm::report
