#include "report/attention_page.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>

#include "report/charts.h"
#include "report/text_table.h"

namespace fsfm::report {
namespace {

constexpr const char* kDistanceNote =
    "From a patch to those it looks at, weighted by its attention; the mean of the heads, faces and patches.";
constexpr const char* kDiversityNote =
    "Kullback-Leibler divergence between what two heads of a layer look at; 0: all heads do the same.";

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

LineChart chart_of(std::span<const AttentionFigures> models, const std::string& title, const std::string& unit,
                   double (*figure)(const AttentionLayer&)) {
  LineChart chart{.title = title, .x = {.label = "layer"}, .y = {.label = unit, .min = 0.0}};
  for (size_t m = 0; m < models.size(); ++m) {
    Series series{.name = models[m].model, .color = static_cast<int>(m)};
    for (size_t l = 0; l < models[m].layers.size(); ++l) {
      series.x.push_back(static_cast<double>(l + 1));
      series.y.push_back(figure(models[m].layers[l]));
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

double distance_of(const AttentionLayer& layer) { return mean(layer.distances); }
double diversity_of(const AttentionLayer& layer) { return layer.diversity; }

std::string range_text(const AttentionLayer& layer) {
  const auto [low, high] = std::minmax_element(layer.distances.begin(), layer.distances.end());
  return fmt::format("{:.1f} – {:.1f}", *low, *high);
}

}  // namespace

std::string attention_text(std::span<const AttentionFigures> models) {
  std::string text;
  for (const auto& model : models) {
    text +=
        fmt::format("{}{}: {} faces of {} pixels\n", text.empty() ? "" : "\n", model.model, model.faces, model.side);
    TextRows rows{{"layer", "distance, pixels", "heads from – to", "diversity, nats"}};
    for (size_t l = 0; l < model.layers.size(); ++l) {
      const auto& layer = model.layers[l];
      rows.push_back({std::to_string(l + 1), fmt::format("{:.1f}", mean(layer.distances)), range_text(layer),
                      fmt::format("{:.3f}", layer.diversity)});
    }
    text += aligned(rows);
  }
  return text;
}

HtmlPage attention_page(std::span<const AttentionFigures> models, const std::string& dataset) {
  HtmlPage page("Where the heads look", fmt::format("On {} faces of {}. No label was used.", models[0].faces, dataset));
  page.charts(
      {{line_chart(chart_of(models, "Mean attention distance", "pixels", distance_of)), "Mean attention distance",
        kDistanceNote},
       {line_chart(chart_of(models, "Head diversity", "nats", diversity_of)), "Head diversity", kDiversityNote}});
  for (const auto& model : models) {
    Table table{"", {"Layer", "Distance, pixels", "Diversity, nats"}, {}};
    for (size_t l = 0; l < model.layers.size(); ++l)
      table.rows.push_back({Cell(std::to_string(l + 1)),
                            Cell(fmt::format("{:.1f}", mean(model.layers[l].distances)), range_text(model.layers[l])),
                            Cell(fmt::format("{:.3f}", model.layers[l].diversity))});
    page.section(model.model).table(table);
  }
  return page;
}

nlohmann::json to_json(std::span<const AttentionFigures> models, const std::string& dataset) {
  nlohmann::json results = nlohmann::json::array();
  for (const auto& model : models) {
    nlohmann::json layers = nlohmann::json::array();
    for (const auto& layer : model.layers)
      layers.push_back(
          {{"distances", layer.distances}, {"distance", mean(layer.distances)}, {"diversity", layer.diversity}});
    results.push_back({{"model", model.model}, {"faces", model.faces}, {"side", model.side}, {"layers", layers}});
  }
  return {{"probe", "attention"}, {"dataset", dataset}, {"results", results}};
}

}  // namespace fsfm::report
