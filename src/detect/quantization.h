// What eight bits cost a detector: the same faces judged before and after.
#pragma once

#include <cstddef>
#include <string>

#include "detect/score_dataset.h"
#include "model/model_file.h"

namespace fsfm {

struct QuantizationCost {
  size_t faces = 0;
  double auc_before = 0, auc_after = 0;  // of P(attack), single faces; NaN when one kind is absent
  size_t flips = 0;                      // faces on the other side of the card's threshold
  double largest_change = 0;             // of a face's P(attack)

  double auc_loss() const { return auc_before - auc_after; }
  double flip_share() const { return faces > 0 ? static_cast<double>(flips) / static_cast<double>(faces) : 0; }
};

// Both were scored on the same faces in the same order. Throws Error when they were not.
QuantizationCost quantization_cost(const ScoredDataset& before, const ScoredDataset& after, const ModelCard& card);

// Writes `model` with the matrices of its blocks in eight bits (model/quantized.h), atomically; `cost` goes into the
// card. Throws Error when it is in eight bits already or no plain transformer.
void write_quantized(const std::filesystem::path& out, const ModelFile& model, const QuantizationCost& cost,
                     const std::string& data_name);

}  // namespace fsfm
