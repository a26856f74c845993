// Every metric of every score set in metrics.json.
#include <map>

#include "metrics/metrics.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {

void check_metrics(Report& report) {
  constexpr double kTolerance = 1e-6;
  const auto sets = report.open_json("metrics.json");
  std::map<std::string, std::pair<double, size_t>> worst;  // by metric: difference, score set
  for (size_t i = 0; i < sets.size(); ++i) {
    const auto& set = sets.at(i);
    const auto labels = set.at("labels").get<std::vector<int>>();
    const auto scores = set.at("scores").get<std::vector<double>>();
    const auto videos = set.at("videos").get<std::vector<std::string>>();
    const auto ours = metrics::paper_figures(labels, scores, videos);
    const std::map<std::string, double> figures = {{"auc", ours.auc},
                                                   {"eer", ours.eer},
                                                   {"balanced_accuracy", ours.balanced_accuracy},
                                                   {"average_precision", ours.average_precision},
                                                   {"video_auc", ours.video_auc},
                                                   {"video_eer", ours.video_eer},
                                                   {"fas_eer", ours.fas.eer},
                                                   {"fas_threshold", ours.fas.threshold},
                                                   {"hter", ours.fas.hter},
                                                   {"tpr_at_fpr_1pct", ours.fas.tpr_at_fpr_1pct},
                                                   {"apcer", ours.fas.apcer},
                                                   {"bpcer", ours.fas.bpcer},
                                                   {"acer", ours.fas.acer},
                                                   {"accuracy", ours.fas.accuracy}};
    for (const auto& [name, value] : figures) {
      const double difference = largest_difference(value, set.at(name).get<double>());
      auto& entry = worst[name];
      if (difference > entry.first) entry = {difference, i};
    }
  }
  for (const auto& [name, entry] : worst) {
    report.measured("metrics: " + name, entry.first, kTolerance,
                    std::to_string(sets.size()) + " score sets, worst " + std::to_string(entry.second));
  }
}

}  // namespace fsfm::selfcheck
