#include "nn/ops.h"

#include "nn/torch_compat.h"

namespace fsfm::ops {

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias) {
  return torch::nn::functional::linear(x, weight, bias);
}

torch::Tensor layer_norm(const torch::Tensor& x, const torch::nn::LayerNorm& layer) {
  return torch::layer_norm(x, layer->weight.sizes(), layer->weight, layer->bias, layer->options.eps());
}

torch::Tensor gelu(const torch::Tensor& x) { return torch::gelu(x); }

torch::Tensor attention(const torch::Tensor& qkv, int heads) {
  const int64_t batch = qkv.size(0), tokens = qkv.size(1), dim = qkv.size(2) / 3;
  const auto split = qkv.reshape({batch, tokens, 3, heads, dim / heads}).permute({2, 0, 3, 1, 4});  // [3,B,H,N,d]
  return compat::scaled_dot_product_attention(split[0], split[1], split[2]).transpose(1, 2).reshape({batch, tokens, dim});
}

}  // namespace fsfm::ops
