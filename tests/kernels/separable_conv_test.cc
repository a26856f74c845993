#include "kernels/separable_conv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "support/on_every_target.h"

namespace fsfm::kernels {
namespace {

std::vector<float> drawn(Rng& rng, size_t count) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.uniform(-1, 1));
  return values;
}

constexpr float kUnwritten = 1e30f;  // what lies behind a row stays as it was

TEST(SeparableConv, DepthwiseRowIsItsSum) {
  Rng rng(1);
  for (const int kernel : {3, 5})
    for (const int stride : {1, 2})
      for (const int channels : {1, 3, 16, 24, 40})
        for (const int pixels : {1, 2, 7, 16}) {
          const int width = stride * (pixels - 1) + kernel, area = kernel * kernel;
          const ptrdiff_t row = static_cast<ptrdiff_t>(width) * channels + 5;
          const std::vector<float> x = drawn(rng, static_cast<size_t>(row) * kernel);
          const std::vector<float> taps = drawn(rng, static_cast<size_t>(area) * channels);
          const int period = depthwise_period(channels);
          ASSERT_EQ(period % channels, 0);
          std::vector<float> weights;
          for (int tap = 0; tap < area; ++tap)
            for (int i = 0; i < period; ++i)
              weights.push_back(taps[static_cast<size_t>(tap) * channels + i % channels]);
          test::on_every_target([&] {
            std::vector<float> y(static_cast<size_t>(pixels) * channels + 1, kUnwritten);
            depthwise_row(x.data(), row, weights.data(), kernel, stride, pixels, channels, y.data());
            for (int p = 0; p < pixels; ++p)
              for (int c = 0; c < channels; ++c) {
                double sum = 0;
                for (int tap = 0; tap < area; ++tap)
                  sum += static_cast<double>(x[tap / kernel * row + (stride * p + tap % kernel) * channels + c]) *
                         taps[static_cast<size_t>(tap) * channels + c];
                ASSERT_NEAR(y[static_cast<size_t>(p) * channels + c], sum, 1e-5)
                    << kernel << " x " << kernel << ", stride " << stride << ", " << channels << " channels, pixel "
                    << p << " of " << pixels;
              }
            ASSERT_EQ(y.back(), kUnwritten);
          });
        }
}

TEST(SeparableConv, PointwiseRowIsItsProduct) {
  Rng rng(2);
  for (const int inputs : {1, 24, 75})
    for (const int outputs : {1, 2, 6, 16, 24, 48, 96, 100})
      for (const int pixels : {1, 4, 9, 16})
        for (const int skipped : {0, 1, 17, 24}) {
          if (skipped > outputs) continue;
          const int columns = padded_columns(outputs);
          const std::vector<float> x = drawn(rng, static_cast<size_t>(pixels) * inputs);
          const std::vector<float> weights = drawn(rng, static_cast<size_t>(inputs) * columns);
          const std::vector<float> bias = drawn(rng, static_cast<size_t>(columns));
          const std::vector<float> skip = drawn(rng, static_cast<size_t>(pixels) * skipped);
          const bool relu = skipped != 1;
          test::on_every_target([&] {
            std::vector<float> y(static_cast<size_t>(pixels) * outputs + 1, kUnwritten);
            pointwise_row(x.data(), pixels, inputs, weights.data(), bias.data(), skipped > 0 ? skip.data() : nullptr,
                          skipped, relu, outputs, y.data());
            for (int p = 0; p < pixels; ++p)
              for (int o = 0; o < outputs; ++o) {
                double sum = bias[o];
                for (int i = 0; i < inputs; ++i)
                  sum += static_cast<double>(x[static_cast<size_t>(p) * inputs + i]) *
                         weights[static_cast<size_t>(i) * columns + o];
                if (o < skipped) sum += skip[static_cast<size_t>(p) * skipped + o];
                if (relu) sum = std::max(sum, 0.0);
                ASSERT_NEAR(y[static_cast<size_t>(p) * outputs + o], sum, 1e-5)
                    << inputs << " to " << outputs << ", pixel " << p << " of " << pixels << ", skip " << skipped;
              }
            ASSERT_EQ(y.back(), kUnwritten);
          });
        }
}

TEST(SeparableConv, MaxPoolRowIsTheLargestOfFour) {
  Rng rng(3);
  for (const int channels : {1, 24, 33})
    for (const int pixels : {1, 5}) {
      const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(pixels) * channels + 3;
      const std::vector<float> x = drawn(rng, static_cast<size_t>(row) * 2);
      test::on_every_target([&] {
        std::vector<float> y(static_cast<size_t>(pixels) * channels + 1, kUnwritten);
        max_pool_row(x.data(), row, pixels, channels, y.data());
        for (int p = 0; p < pixels; ++p)
          for (int c = 0; c < channels; ++c) {
            float most = -std::numeric_limits<float>::infinity();
            for (int i = 0; i < 4; ++i) most = std::max(most, x[i / 2 * row + (2 * p + i % 2) * channels + c]);
            ASSERT_EQ(y[static_cast<size_t>(p) * channels + c], most) << channels << " channels, pixel " << p;
          }
        ASSERT_EQ(y.back(), kUnwritten);
      });
    }
}

}  // namespace
}  // namespace fsfm::kernels
