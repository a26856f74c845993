// Gradient checkpointing: memory for time. What a piece of network computes on the way to its result is not kept but
// made again on the way back.
#pragma once

#include <torch/torch.h>

#include <functional>

namespace fsfm {

// piece(x), of which only x is kept until backward; then `piece` runs once more, in the precision and with the random
// numbers of the first time, so that all gradients are those of plain piece(x), bit for bit. x must be a single
// floating point tensor; gradients reach it and every parameter that `piece` uses. When nothing is to be differentiated
// with respect to x, piece(x) is simply called.
torch::Tensor recomputed(const std::function<torch::Tensor(const torch::Tensor&)>& piece, const torch::Tensor& x);

}  // namespace fsfm
