// The fused operations, in both precisions, three ways: results and gradients against libtorch's own, the slope against
// finite differences; their speed stands in `fsfm bench kernels` and `fsfm bench step`.
#include "nn/ops.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/bf16.h"
#include "kernels/targets.h"
#include "nn/precision.h"
#include "nn/vit.h"

namespace {

using namespace fsfm;
using torch::Tensor;

// Largest difference, relative to the largest value of the reference.
double relative(const Tensor& ours, const Tensor& reference) {
  return ((ours.to(torch::kDouble) - reference.to(torch::kDouble)).abs().max() /
          reference.abs().max().to(torch::kDouble))
      .item<double>();
}

Tensor leaf(std::vector<int64_t> shape) { return torch::randn(shape).requires_grad_(); }

struct Result {
  Tensor value;
  std::vector<Tensor> gradients;
};

// Value, and the gradients of a random weighting of it.
Result differentiate(const std::vector<Tensor>& inputs, const std::function<Tensor()>& f) {
  const auto value = f().to(torch::kFloat);
  torch::manual_seed(9);
  return {value.detach(), torch::autograd::grad({(value * torch::randn_like(value)).sum()}, inputs)};
}

// The gradients' slope along a random direction is that of the function itself, which needs no reference to be right.
void expect_slope(const std::vector<Tensor>& inputs, const Result& result, const std::function<Tensor()>& f) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(9);
  const auto weighting = torch::randn_like(result.value).to(torch::kDouble);
  std::vector<Tensor> directions;
  double slope = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    // Mostly along the gradient, so that the slope stands out of the rounding.
    directions.push_back(result.gradients[i] + 0.3 * result.gradients[i].abs().mean() * torch::randn_like(inputs[i]));
    slope += (directions[i] * result.gradients[i]).to(torch::kDouble).sum().item<double>();
  }
  double length = 0;
  for (const auto& d : directions) length = std::max(length, d.abs().max().item<double>());
  const double step = 1e-2 / length;
  const auto moved = [&](double by) {
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i].add_(directions[i], by);
    return (f().to(torch::kDouble) * weighting).sum().item<double>();
  };
  const double ahead = moved(step), behind = moved(-2 * step);
  moved(step);
  EXPECT_NEAR((ahead - behind) / (2 * step) / slope, 1, 0.01);
}

void expect_same(const Result& ours, const Result& reference, double tolerance) {
  EXPECT_LT(relative(ours.value, reference.value), tolerance);
  ASSERT_EQ(ours.gradients.size(), reference.gradients.size());
  for (size_t i = 0; i < ours.gradients.size(); ++i) {
    EXPECT_LT(relative(ours.gradients[i], reference.gradients[i]), tolerance) << "gradient " << i;
  }
}

Tensor plain_attention(const Tensor& qkv, int heads) {
  const int64_t batch = qkv.size(0), tokens = qkv.size(1), dim = qkv.size(2) / 3;
  const auto split = qkv.reshape({batch, tokens, 3, heads, dim / heads}).permute({2, 0, 3, 1, 4});
  return compat::scaled_dot_product_attention(split[0], split[1], split[2])
      .transpose(1, 2)
      .reshape({batch, tokens, dim});
}

class Ops : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    if (GetParam() == Precision::bf16 && !__builtin_cpu_supports("avx512bf16"))
      GTEST_SKIP() << "no bfloat16 products here";
    torch::manual_seed(3);
  }
  double tolerance() const { return GetParam() == Precision::bf16 ? 0.03 : 2e-5; }
  Result ours(const std::vector<Tensor>& inputs, const std::function<Tensor()>& f) {
    const PrecisionScope scope(GetParam(), torch::kCPU, /*even_if_slow=*/true);
    const Result result = differentiate(inputs, f);
    if (GetParam() == Precision::fp32) expect_slope(inputs, result, f);
    return result;
  }
};

TEST_P(Ops, Linear) {
  const auto x = leaf({3, 67, 24}), weight = leaf({20, 24}), bias = leaf({20}), residual = leaf({3, 67, 20});
  expect_same(ours({x, weight, bias, residual}, [&] { return ops::linear(x, weight, bias, residual); }),
              differentiate({x, weight, bias, residual}, [&] { return residual + torch::linear(x, weight, bias); }),
              tolerance());
  expect_same(ours({x, weight}, [&] { return ops::linear(x, weight, {}); }),
              differentiate({x, weight}, [&] { return torch::linear(x, weight); }), tolerance());
}

TEST_P(Ops, Mlp) {
  torch::nn::Linear fc1(24, 72), fc2(72, 24);
  const auto x = leaf({2, 70, 24}), residual = leaf({2, 70, 24});
  const std::vector<Tensor> inputs = {x, residual, fc1->weight, fc1->bias, fc2->weight, fc2->bias};
  expect_same(ours(inputs, [&] { return ops::mlp(x, fc1, fc2, residual); }),
              differentiate(inputs, [&] { return residual + fc2(torch::gelu(fc1(x))); }), tolerance());
  torch::NoGradGuard no_grad;  // the hidden layer is then overwritten in place
  const PrecisionScope scope(GetParam(), torch::kCPU, true);
  EXPECT_LT(relative(ops::mlp(x, fc1, fc2), fc2(torch::gelu(fc1(x)))), tolerance());
}

TEST_P(Ops, LayerNorm) {
  auto norm = make_layer_norm(40);
  torch::nn::init::normal_(norm->weight);
  const auto x = leaf({5, 33, 40});
  const std::vector<Tensor> inputs = {x, norm->weight, norm->bias};
  expect_same(ours(inputs, [&] { return ops::layer_norm(x, norm); }), differentiate(inputs, [&] { return norm(x); }),
              tolerance());
}

TEST_P(Ops, Attention) {
  torch::nn::Linear layer(24, 72);
  const auto x = leaf({2, 37, 24});
  const std::vector<Tensor> inputs = {x, layer->weight, layer->bias};
  expect_same(ours(inputs, [&] { return ops::attention(ops::packed_qkv(x, layer), 3); }),
              differentiate(inputs, [&] { return plain_attention(layer(x), 3); }), tolerance());
}

TEST_P(Ops, ABlockOfATransformer) {
  Block block(32, 4, 4.0);
  const auto x = leaf({2, 50, 32});
  auto inputs = block->parameters();
  inputs.push_back(x);
  const auto reference = [&] {
    auto y = x + block->attn->proj(plain_attention(block->attn->qkv(block->norm1(x)), 4));
    return y + block->mlp->fc2(torch::gelu(block->mlp->fc1(block->norm2(y))));
  };
  expect_same(ours(inputs, [&] { return block(x); }), differentiate(inputs, reference), tolerance());
}

INSTANTIATE_TEST_SUITE_P(Precisions, Ops, testing::Values(Precision::fp32, Precision::bf16),
                         [](const auto& info) { return std::string(precision_name(info.param)); });

TEST(PrecisionScopes, FloatIsUsedWhereBfloat16WouldBeSlower) {
  const PrecisionScope scope(Precision::bf16);
  EXPECT_EQ(PrecisionScope::cpu_type(), bf16_is_fast_on_cpu() ? torch::kBFloat16 : torch::kFloat);
  {
    const PrecisionScope inner(Precision::fp32);
    EXPECT_EQ(PrecisionScope::cpu_type(), torch::kFloat);
  }
  EXPECT_THROW(PrecisionScope(Precision::fp16), Error);
  EXPECT_THROW(parse_precision("int4"), Error);
}

TEST(Kernels, RoundingToBfloat16IsTorchs) {
  auto x = torch::randn({1000}) * torch::pow(10.0, torch::arange(1000) % 40 - 20.0);
  x[0] = std::numeric_limits<float>::quiet_NaN();
  x[1] = std::numeric_limits<float>::infinity();
  x[2] = 1.00390625f;  // half-way: to even
  const auto expected = x.to(torch::kBFloat16);
  for (const kernels::Target& target : kernels::targets()) {
    const kernels::ScopedTarget scope(target);
    auto y = torch::empty_like(expected);
    auto back = torch::empty_like(x);
    kernels::convert(x.data_ptr<float>(), reinterpret_cast<Bf16*>(y.data_ptr<at::BFloat16>()), x.numel());
    kernels::convert(reinterpret_cast<const Bf16*>(y.data_ptr<at::BFloat16>()), back.data_ptr<float>(), x.numel());
    EXPECT_TRUE(torch::allclose(back, expected.to(torch::kFloat), 0, 0, /*equal_nan=*/true)) << target.name;
  }
}

}  // namespace
