#include "kernels/packed_linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "model/quantized.h"

namespace fsfm {
namespace {

std::vector<float> drawn(Rng& rng, size_t count, double most) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.uniform(-most, most));
  return values;
}

struct Weights {
  int inputs, outputs;
  std::vector<float> weight, bias;

  Weights(Rng& rng, int in, int out)
      : inputs(in),
        outputs(out),
        weight(drawn(rng, static_cast<size_t>(in) * out, 0.2)),
        bias(drawn(rng, static_cast<size_t>(out), 0.5)) {}

  PackedLinear packed(OneDnn& onednn, Post post, ProductType type) const {
    if (type != ProductType::int8) return {onednn, weight, bias, inputs, outputs, post, 64, type};
    const QuantizedMatrix bytes = quantize_matrix(weight, outputs, inputs);
    return {onednn, bytes.values, bytes.scales, bias, inputs, outputs, post, 64};
  }

  std::vector<double> apply(const std::vector<double>& x) const {
    std::vector<double> y(bias.begin(), bias.end());
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < inputs; ++i) y[o] += x[i] * weight[static_cast<size_t>(o) * inputs + i];
    return y;
  }
};

struct Norm {
  std::vector<float> weight, bias;
  RowNorm rows() const { return {weight.data(), bias.data(), 1e-6f}; }

  std::vector<double> apply(const float* x) const {
    const size_t width = weight.size();
    double mean = 0, variance = 0;
    for (size_t i = 0; i < width; ++i) mean += x[i] / static_cast<double>(width);
    for (size_t i = 0; i < width; ++i) variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(width);
    std::vector<double> y(width);
    for (size_t i = 0; i < width; ++i) y[i] = (x[i] - mean) / std::sqrt(variance + 1e-6) * weight[i] + bias[i];
    return y;
  }
};

double gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

// Largest difference from the plain form that a type of product may show, for sums of the size that these tests make.
double tolerance(ProductType type) {
  return type == ProductType::fp32 ? 2e-5 : type == ProductType::bf16 ? 0.06 : 0.12;
}

std::vector<ProductType> types() {
  std::vector<ProductType> types = {ProductType::fp32, ProductType::int8};
  if (has_fast_bf16()) types.push_back(ProductType::bf16);
  return types;
}

constexpr int kWidth = 48, kMiddle = 80;
constexpr int kRowCounts[] = {1, 7, 130, 300};  // less than a panel, one and two rows more than whole panels

class PackedLinearTest : public testing::Test {
 protected:
  Rng rng{3};
  OneDnn onednn;
  Norm norm{drawn(rng, kWidth, 1.5), drawn(rng, kWidth, 0.5)};
};

TEST_F(PackedLinearTest, RowsAreNormalisedOnTheirWay) {
  const Weights weights(rng, kWidth, kMiddle);
  for (const ProductType type : types())
    for (const int rows : kRowCounts) {
      PackedLinear layer = weights.packed(onednn, Post::none, type);
      const std::vector<float> x = drawn(rng, static_cast<size_t>(rows) * kWidth, 3);
      std::vector<float> y(static_cast<size_t>(rows) * kMiddle);
      const RowNorm row_norm = norm.rows();
      layer.run(rows, x.data(), y.data(), &row_norm);
      for (int row = 0; row < rows; ++row) {
        const auto expected = weights.apply(norm.apply(x.data() + static_cast<size_t>(row) * kWidth));
        for (int o = 0; o < kMiddle; ++o)
          ASSERT_NEAR(y[static_cast<size_t>(row) * kMiddle + o], expected[o], tolerance(type))
              << "type " << static_cast<int>(type) << ", row " << row << " of " << rows << ", column " << o;
      }
    }
}

TEST_F(PackedLinearTest, MlpAddsWhatItsLayersSay) {
  const Weights wide(rng, kWidth, kMiddle), narrow(rng, kMiddle, kWidth);
  for (const ProductType type : types())
    for (const int rows : kRowCounts) {
      PackedMlp mlp(wide.packed(onednn, Post::gelu, type), narrow.packed(onednn, Post::add, type));
      const std::vector<float> x = drawn(rng, static_cast<size_t>(rows) * kWidth, 3);
      std::vector<float> y = x;
      mlp.run(rows, y.data(), norm.rows());
      for (int row = 0; row < rows; ++row) {
        std::vector<double> hidden = wide.apply(norm.apply(x.data() + static_cast<size_t>(row) * kWidth));
        for (double& value : hidden) value = gelu(value);
        const auto added = narrow.apply(hidden);
        for (int o = 0; o < kWidth; ++o) {
          const size_t at = static_cast<size_t>(row) * kWidth + o;
          ASSERT_NEAR(y[at], x[at] + added[o], tolerance(type))
              << "type " << static_cast<int>(type) << ", row " << row << " of " << rows << ", column " << o;
        }
      }
    }
}

// Going through in panels changes no bit of int8: every row is its own.
TEST_F(PackedLinearTest, MlpInBytesIsItsLayersOneAfterTheOther) {
  const Weights wide(rng, kWidth, kMiddle), narrow(rng, kMiddle, kWidth);
  PackedLinear first = wide.packed(onednn, Post::gelu, ProductType::int8);
  PackedLinear second = narrow.packed(onednn, Post::add, ProductType::int8);
  PackedMlp mlp(wide.packed(onednn, Post::gelu, ProductType::int8),
                narrow.packed(onednn, Post::add, ProductType::int8));
  for (const int rows : kRowCounts)
    for (const int threads : {1, 2, 3}) {
      const ScopedThreads scope(threads);
      const std::vector<float> x = drawn(rng, static_cast<size_t>(rows) * kWidth, 3);
      std::vector<float> fused = x, plain = x, hidden(static_cast<size_t>(rows) * kMiddle);
      const RowNorm row_norm = norm.rows();
      first.run(rows, plain.data(), hidden.data(), &row_norm);
      second.run(rows, hidden.data(), plain.data());
      mlp.run(rows, fused.data(), row_norm);
      ASSERT_EQ(fused, plain) << rows << " rows, " << threads << " threads";
    }
}

TEST_F(PackedLinearTest, NoRowsAreNoWork) {
  const Weights weights(rng, kWidth, kMiddle);
  for (const ProductType type : types()) {
    PackedLinear layer = weights.packed(onednn, Post::none, type);
    layer.run(0, nullptr, nullptr);
  }
}

}  // namespace
}  // namespace fsfm
