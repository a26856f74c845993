// Weights to start from: our model files, any safetensors with timm's names, PyTorch checkpoints.
#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "engine/checkpoint.h"
#include "nn/weights.h"

namespace fsfm {

// Copies what fits by name; `options` says what may be absent, tensors the module has no use for are always allowed.
// Throws Error when nothing at all fits.
LoadReport load_initial_weights(torch::nn::Module& module, const std::filesystem::path& path, LoadOptions options);

}  // namespace fsfm
