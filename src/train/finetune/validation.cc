#include "train/finetune/validation.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "metrics/metrics.h"

namespace fsfm {

ValidationReport validate(DetectorLearner& detector, const LabelledData& data, const EvalBatchOptions& batch,
                          const std::vector<uint8_t>& is_attack, int batch_size, int workers,
                          UnreadableSamples* unreadable) {
  LoaderOptions order;
  order.batch_size = batch_size;
  order.workers = workers;
  order.shuffle = order.drop_last = false;
  order.unreadable = unreadable;
  order.replace_unreadable = false;
  Loader loader(*data.dataset, order, make_eval_filler(batch, data.label_map), make_eval_batch(batch, batch_size));
  loader.start(0);
  ValidationReport report;
  std::vector<std::string> videos;
  size_t right = 0;
  const size_t classes = is_attack.size();
  while (auto loaded = loader.next()) {
    const auto logits = detector.logits(*loaded);  // [B,classes]
    const auto log_p = torch::log_softmax(logits, -1);
    for (int i = 0; i < loaded->size; ++i) {
      const auto slot = static_cast<size_t>(i);
      const int64_t label = loaded->labels[slot];
      report.loss -= log_p[i][label].item<double>();
      right += logits[i].argmax().item<int64_t>() == label;
      report.attack.push_back(is_attack.at(static_cast<size_t>(label)));
      videos.push_back(data.dataset->samples()[loaded->indices[slot]].video);
    }
    const float* values = logits.data_ptr<float>();
    report.logits.insert(report.logits.end(), values, values + static_cast<size_t>(loaded->size) * classes);
    loader.recycle(*std::move(loaded));
  }
  report.unreadable = data.dataset->samples().size() - report.attack.size();
  if (report.attack.empty())
    throw Error("no picture of the validation data can be read" + (unreadable ? ": " + unreadable->named() : ""),
                "check the folder");
  const auto n = static_cast<double>(report.attack.size());
  report.loss /= n;
  report.accuracy = static_cast<double>(right) / n;
  const bool finite = std::all_of(report.logits.begin(), report.logits.end(), [](float v) { return std::isfinite(v); });
  report.auc = report.video_auc = NAN;
  if (!finite) return report;
  const auto scores = metrics::attack_scores(report.logits, is_attack);
  report.auc = metrics::auc(report.attack, scores);
  const auto per_video = metrics::mean_per_video(report.attack, scores, videos);
  report.video_auc = metrics::auc(per_video.labels, per_video.scores);
  return report;
}

std::optional<FittedPoint> fit_point(const ValidationReport& report, const std::vector<uint8_t>& is_attack,
                                     const std::string& data_name) {
  const auto attacks = static_cast<size_t>(std::count(report.attack.begin(), report.attack.end(), 1));
  if (attacks == 0 || attacks == report.attack.size()) return std::nullopt;
  const OperatingPoint point = fit_operating_point(report.logits, is_attack, report.attack, data_name);
  const auto scores = metrics::attack_scores(report.logits, is_attack, point.temperature);
  return FittedPoint{point, metrics::eer(report.attack, scores), metrics::calibration(report.attack, scores).ece};
}

}  // namespace fsfm
