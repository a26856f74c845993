#include "nn/ops.h"

#include "nn/fused_ops.h"
#include "nn/precision.h"

namespace fsfm::ops {
namespace {

// Our own passes serve the CPU; empty tensors and types they do not know go to libtorch.
bool use_fused(const torch::Tensor& x) {
  return x.device().is_cpu() && x.numel() > 0 &&
         (x.scalar_type() == torch::kFloat || x.scalar_type() == torch::kBFloat16);
}

}  // namespace

torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const torch::Tensor& residual) {
  if (use_fused(x)) return fused::linear(x.to(PrecisionScope::cpu_type()), weight, bias, residual, torch::kFloat);
  const auto y = torch::nn::functional::linear(x, weight, bias);
  return residual.defined() ? residual + y : y;
}

torch::Tensor packed_qkv(const torch::Tensor& x, const torch::nn::Linear& layer) {
  if (!use_fused(x)) return linear(x, layer);
  const auto type = PrecisionScope::cpu_type();
  return fused::linear(x.to(type), layer->weight, layer->bias, {}, type);
}

torch::Tensor mlp(const torch::Tensor& x, const torch::nn::Linear& fc1, const torch::nn::Linear& fc2,
                  const torch::Tensor& residual) {
  if (use_fused(x))
    return fused::mlp(x.to(PrecisionScope::cpu_type()), fc1->weight, fc1->bias, fc2->weight, fc2->bias, residual);
  return linear(torch::gelu(linear(x, fc1)), fc2, residual);
}

torch::Tensor layer_norm(const torch::Tensor& x, const torch::nn::LayerNorm& layer) {
  const double eps = layer->options.eps();
  if (use_fused(x))
    return fused::layer_norm(x.to(torch::kFloat), layer->weight, layer->bias, eps, PrecisionScope::cpu_type());
  return torch::layer_norm(x, layer->weight.sizes(), layer->weight, layer->bias, eps);
}

torch::Tensor attention(const torch::Tensor& qkv, int heads) {
  if (use_fused(qkv)) return fused::attention(qkv, heads);
  const int64_t batch = qkv.size(0), tokens = qkv.size(1), dim = qkv.size(2) / 3;
  const auto split = qkv.reshape({batch, tokens, 3, heads, dim / heads}).permute({2, 0, 3, 1, 4});  // [3,B,H,N,d]
  return compat::scaled_dot_product_attention(split[0], split[1], split[2])
      .transpose(1, 2)
      .reshape({batch, tokens, dim});
}

}  // namespace fsfm::ops
