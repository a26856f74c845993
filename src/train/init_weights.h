// Weights to start from, as train/starting_point.h reads them.
#pragma once

#include <torch/torch.h>

#include "nn/weights.h"

namespace fsfm {

// Copies what fits by name; `options` says what may be absent, tensors the module has no use for are always allowed.
// Throws Error when nothing at all fits.
LoadReport load_initial_weights(torch::nn::Module& module, const TensorMap& tensors, LoadOptions options);

}  // namespace fsfm
