// Faces as points: frozen features of the encoder, flattened to two dimensions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "media/preprocess.h"
#include "nn/fsfm_net.h"
#include "nn/precision.h"
#include "report/charts.h"

namespace fsfm {

// A copy of the encoder as a plain ViT without a head, in evaluation mode.
Vit frozen_encoder(const FsfmOnline& online, torch::Device device);

// What the class token of its last block attends to in whole faces. images: [B, 3, S, S] normalised -> [B, heads,
// patches], on the CPU.
torch::Tensor class_attention(const FsfmOnline& online, torch::Device device, const torch::Tensor& images);

// One group a class: pooled features of up to `most` faces of each dataset (full view, nothing hidden), centred and
// projected on their two principal directions. Empty when there are fewer than three faces.
std::vector<report::PointGroup> feature_map(const FsfmOnline& online, torch::Device device, Precision precision,
                                            const Normalization& normalization,
                                            const std::vector<std::shared_ptr<const Dataset>>& datasets, int64_t most);

}  // namespace fsfm
