// Weights to start from: our model files, any safetensors with timm's names, PyTorch checkpoints.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "nn/weights.h"
#include "tensorio/model_file.h"

namespace fsfm {

struct WeightFile {
  TensorMap tensors;
  std::optional<ModelCard> card;  // our model files have one
  std::vector<std::shared_ptr<const void>> keep_alive;
};

// By extension: .pth, .pt and .bin are read as inert PyTorch checkpoints, everything else as a model file or folder.
// Throws Error naming the file.
WeightFile read_weights(const std::filesystem::path& path);

// Copies what fits by name; `options` says what may be absent, tensors the module has no use for are always allowed.
// Throws Error when nothing at all fits.
LoadReport load_initial_weights(torch::nn::Module& module, const std::filesystem::path& path, LoadOptions options);

}  // namespace fsfm
