#include "detect/quantization.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "base/error.h"
#include "detect/verdict.h"
#include "metrics/calibration.h"
#include "metrics/metrics.h"
#include "model/quantized.h"
#include "model/vit_layout.h"

namespace fsfm {

QuantizationCost quantization_cost(const ScoredDataset& before, const ScoredDataset& after, const ModelCard& card) {
  if (before.keys != after.keys)
    throw Error(before.name + ": other faces could be read the second time", "check the disk and start again");
  const std::vector<uint8_t> is_attack = attack_mask(card);
  const auto a = metrics::attack_scores(before.logits, is_attack, card.temperature);
  const auto b = metrics::attack_scores(after.logits, is_attack, card.temperature);
  const double threshold = decision_threshold(card);
  QuantizationCost cost{
      .faces = a.size(), .auc_before = metrics::auc(before.labels, a), .auc_after = metrics::auc(after.labels, b)};
  for (size_t i = 0; i < a.size(); ++i) {
    cost.flips += (a[i] >= threshold) != (b[i] >= threshold);
    cost.largest_change = std::max(cost.largest_change, std::fabs(a[i] - b[i]));
  }
  return cost;
}

void write_quantized(const std::filesystem::path& out, const ModelFile& model, const QuantizationCost& cost,
                     const std::string& data_name) {
  if (is_quantized(model.tensors()))
    throw Error(model.path().string() + " is in eight bits already", "quantise the model it was made from");
  try {
    (void)infer_vit_config(model.tensors(), model.card().config);
  } catch (const Error& error) {
    throw error.in(model.path().string());
  }
  TensorMap tensors;
  std::deque<QuantizedMatrix> matrices;  // keeps what the views show
  for (const auto& [name, view] : model.tensors()) {
    constexpr std::string_view kWeight = ".weight";
    if (!name.ends_with(kWeight) || !is_quantized_layer(name.substr(0, name.size() - kWeight.size()))) {
      tensors.emplace(name, view);
      continue;
    }
    const auto& matrix = matrices.emplace_back(
        quantize_matrix(view.to_float(), static_cast<int>(view.shape.at(0)), static_cast<int>(view.shape.at(1))));
    tensors[name] = {DType::i8, view.shape, std::as_bytes(std::span(matrix.values))};
    tensors[name + "_scale"] = {DType::f32, {view.shape[0]}, std::as_bytes(std::span(matrix.scales))};
  }
  ModelCard card = model.card();
  card.name = out.stem().string();
  const auto figure = [](double value) { return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json(); };
  card.metrics["quantized"] = {{"of", model.card().name},
                               {"data", data_name},
                               {"faces", cost.faces},
                               {"auc_before", figure(cost.auc_before)},
                               {"auc_after", figure(cost.auc_after)},
                               {"verdicts_changed", cost.flips}};
  write_model(out, card, tensors);
}

}  // namespace fsfm
