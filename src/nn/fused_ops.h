// The CPU side of nn/ops.h: autograd Functions on the products and row kernels of src/kernels.
#pragma once

#include <torch/torch.h>

namespace fsfm::fused {

// CPU tensors: parameters and residual float; x, qkv and results float or bfloat16 (products then run in bfloat16 with
// float sums). x may have any number of leading dimensions. See nn/ops.h for what they compute.

// `type`: of the result, float when there is a residual. bias and residual may be undefined.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                     const torch::Tensor& residual, torch::ScalarType type);
// The result is float.
torch::Tensor mlp(const torch::Tensor& x, const torch::Tensor& weight1, const torch::Tensor& bias1,
                  const torch::Tensor& weight2, const torch::Tensor& bias2, const torch::Tensor& residual);
// x is float.
torch::Tensor layer_norm(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias, double eps,
                         torch::ScalarType type);
torch::Tensor attention(const torch::Tensor& qkv, int64_t heads);

}  // namespace fsfm::fused
