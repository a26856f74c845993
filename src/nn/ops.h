// The operations in which a vision transformer spends its time, differentiable (once), in the current precision.
// On the CPU they run on oneDNN products and our own fused passes; elsewhere on libtorch.
#pragma once

#include <torch/torch.h>

namespace fsfm::ops {

// x [..., K] times weight [N, K] transposed, plus bias [N] and residual [..., N] (either may be undefined) -> [..., N];
// float on the CPU.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const torch::Tensor& residual = {});
inline torch::Tensor linear(const torch::Tensor& x, const torch::nn::Linear& layer,
                            const torch::Tensor& residual = {}) {
  return linear(x, layer->weight, layer->bias, residual);
}

// A linear whose result stays in the precision of the products, for attention().
torch::Tensor packed_qkv(const torch::Tensor& x, const torch::nn::Linear& layer);

// fc2(gelu(fc1(x))) + residual, GELU in its exact (erf) form. Only fc1's output is kept for the way back.
torch::Tensor mlp(const torch::Tensor& x, const torch::nn::Linear& fc1, const torch::nn::Linear& fc2,
                  const torch::Tensor& residual = {});

// Normalises the last dimension. [..., D] -> [..., D].
torch::Tensor layer_norm(const torch::Tensor& x, const torch::nn::LayerNorm& layer);

// Multi-head self-attention on packed projections: qkv [B, N, 3*D] (queries, keys, values; heads inside each) -> [B, N,
// D]. The scores never leave the cache: they are made again on the way back.
torch::Tensor attention(const torch::Tensor& qkv, int heads);

}  // namespace fsfm::ops
