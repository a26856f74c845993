// The four operations in which a vision transformer spends its time, differentiable, in the current precision.
#pragma once

#include <torch/torch.h>

namespace fsfm::ops {

// x [..., K] times weight [N, K] transposed, plus bias [N] (which may be undefined) -> [..., N].
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias);
inline torch::Tensor linear(const torch::Tensor& x, const torch::nn::Linear& layer) {
  return linear(x, layer->weight, layer->bias);
}

// Normalises the last dimension. [..., D] -> [..., D].
torch::Tensor layer_norm(const torch::Tensor& x, const torch::nn::LayerNorm& layer);

// Exact (erf) GELU.
torch::Tensor gelu(const torch::Tensor& x);

// Multi-head self-attention on packed projections: qkv [B, N, 3*D] (queries, keys, values; heads inside each) -> [B, N, D].
torch::Tensor attention(const torch::Tensor& qkv, int heads);

}  // namespace fsfm::ops
