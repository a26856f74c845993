#include "detect/probe_scores.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/csv.h"
#include "metrics/decision.h"
#include "metrics/roc.h"

namespace fsfm {

std::vector<ProbeFigure> probe_figures(const ProbeScores& scores, const metrics::BootstrapOptions& options) {
  std::vector<ProbeFigure> figures;
  for (const auto& column : scores.columns) {
    std::vector<int> labels;
    std::vector<double> values;
    std::vector<std::string> videos;
    double sum[2] = {};
    for (size_t i = 0; i < column.scores.size(); ++i) {
      if (!std::isfinite(column.scores[i])) continue;
      labels.push_back(scores.faces.labels[i]);
      values.push_back(column.scores[i]);
      videos.push_back(scores.faces.videos[i]);
      sum[labels.back()] += values.back();
    }
    if (values.empty()) continue;
    ProbeFigure figure{};
    figure.name = column.name;
    figure.attacks = static_cast<size_t>(std::count(labels.begin(), labels.end(), 1));
    figure.bona_fide = labels.size() - figure.attacks;
    // 0 / 0 is NaN, as wanted.
    figure.mean_attack = sum[1] / static_cast<double>(figure.attacks);
    figure.mean_bona_fide = sum[0] / static_cast<double>(figure.bona_fide);
    figure.threshold = column.threshold;
    const auto rates = metrics::error_rates(labels, values, column.threshold.value_or(metrics::kNaN));
    figure.apcer = column.threshold ? rates.apcer : metrics::kNaN;
    figure.bpcer = column.threshold ? rates.bpcer : metrics::kNaN;
    figure.auc = metrics::auc(labels, values);
    figure.interval = {metrics::kNaN, metrics::kNaN};
    if (figure.attacks > 0 && figure.bona_fide > 0)
      figure.interval = metrics::bootstrap(labels, values, videos, column.threshold.value_or(0), options).auc;
    figures.push_back(std::move(figure));
  }
  return figures;
}

nlohmann::json to_json(const ProbeFigure& figure) {
  // JSON knows no NaN: the library writes null for it.
  nlohmann::json json{{"name", figure.name},
                      {"attacks", figure.attacks},
                      {"bona_fide", figure.bona_fide},
                      {"mean_attack", figure.mean_attack},
                      {"mean_bona_fide", figure.mean_bona_fide},
                      {"auc", {{"value", figure.auc}, {"low", figure.interval.low}, {"high", figure.interval.high}}}};
  if (figure.threshold) {
    json["threshold"] = *figure.threshold;
    json["apcer"] = figure.apcer;
    json["bpcer"] = figure.bpcer;
  }
  return json;
}

std::string probe_csv(const std::vector<ProbeScores>& datasets) {
  std::string csv = "dataset,key,video,class,attack";
  if (datasets.empty()) return csv + "\n";
  for (const auto& column : datasets[0].columns) csv += "," + csv_field(column.name);
  csv += "\n";
  for (const auto& data : datasets)
    for (size_t i = 0; i < data.faces.size(); ++i) {
      csv += fmt::format("{},{},{},{},{}", csv_field(data.faces.name), csv_field(data.faces.keys[i]),
                         csv_field(data.faces.videos[i]), csv_field(data.faces.classes[i]), data.faces.labels[i]);
      for (const auto& column : data.columns)
        csv += std::isfinite(column.scores[i]) ? fmt::format(",{:.6f}", column.scores[i]) : ",";
      csv += "\n";
    }
  return csv;
}

}  // namespace fsfm
