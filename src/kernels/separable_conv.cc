#include "kernels/separable_conv.h"

#include <numeric>

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/separable_conv.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

#ifndef FSFM_KERNELS_SEPARABLE_CONV_CC_
#define FSFM_KERNELS_SEPARABLE_CONV_CC_
namespace fsfm::kernels {
namespace {

struct Pointwise {
  const float *weights, *bias;
  int inputs, columns, skip_channels, outputs;
  bool relu;
};

}  // namespace
}  // namespace fsfm::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

static_assert(kColumnPad % kLanes == 0);

template <int K>
HWY_INLINE void depthwise(const float* x, ptrdiff_t x_row, const float* weights, int period, int stride, int pixels,
                          int channels, float* y) {
  const auto sum_of = [&](const float* from, const Vec* w, auto at) FSFM_VECTOR_BODY {
    Vec total = hn::Mul(at.read(from), w[0]);
    for (int tap = 1; tap < K * K; ++tap)
      total = hn::MulAdd(at.read(from + tap / K * x_row + static_cast<ptrdiff_t>(tap % K) * channels), w[tap], total);
    return total;
  };
  Vec w[K * K];
  if (stride == 1) {
    // Neighbours differ by a constant distance: the row is one long vector, whose weights repeat.
    const int64_t count = static_cast<int64_t>(pixels) * channels;
    for (int first = 0; first < period; first += static_cast<int>(kLanes)) {
      for (int tap = 0; tap < K * K; ++tap) w[tap] = load(weights + static_cast<ptrdiff_t>(tap) * period + first);
      int64_t i = first;
      for (; i + kLanes <= count; i += period) store(sum_of(x + i, w, Whole()), y + i);
      if (i < count) {
        const Rest rest{static_cast<size_t>(count - i)};
        rest.write(sum_of(x + i, w, rest), y + i);
      }
    }
    return;
  }
  for_vectors(channels, [&](int64_t c, auto at) FSFM_VECTOR_BODY {
    for (int tap = 0; tap < K * K; ++tap) w[tap] = at.read(weights + static_cast<ptrdiff_t>(tap) * period + c);
    for (int64_t p = 0; p < pixels; ++p) at.write(sum_of(x + p * stride * channels + c, w, at), y + p * channels + c);
  });
}

void depthwise_of(const float* x, ptrdiff_t x_row, const float* weights, int period, int kernel, int stride, int pixels,
                  int channels, float* y) {
  if (kernel == 3)
    depthwise<3>(x, x_row, weights, period, stride, pixels, channels, y);
  else
    depthwise<5>(x, x_row, weights, period, stride, pixels, channels, y);
}

// R pixels, V vectors of outputs from `column` on, all in registers.
template <int R, int V>
HWY_INLINE void tile(const Pointwise& p, const float* x, const float* skip, int column, float* y) {
  Vec sums[R][V];
  for (int v = 0; v < V; ++v) {
    const Vec bias = load(p.bias + column + v * kLanes);
    for (int r = 0; r < R; ++r) sums[r][v] = bias;
  }
  for (int k = 0; k < p.inputs; ++k) {
    Vec w[V];
    for (int v = 0; v < V; ++v) w[v] = load(p.weights + static_cast<ptrdiff_t>(k) * p.columns + column + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const Vec factor = splat(x[static_cast<ptrdiff_t>(r) * p.inputs + k]);
      for (int v = 0; v < V; ++v) sums[r][v] = hn::MulAdd(factor, w[v], sums[r][v]);
    }
  }
  const Vec zero = splat(0.0f);
  for (int v = 0; v < V; ++v) {
    const int64_t at = column + v * kLanes;
    const int64_t skipped = skip == nullptr ? 0 : p.skip_channels - at, left = p.outputs - at;
    for (int r = 0; r < R; ++r) {
      Vec value = sums[r][v];
      const auto row = [&] { return skip + static_cast<ptrdiff_t>(r) * p.skip_channels + at; };
      if (skipped >= kLanes)
        value = hn::Add(value, load(row()));
      else if (skipped > 0)
        value = hn::Add(value, Rest{static_cast<size_t>(skipped)}.read(row()));
      if (p.relu) value = hn::Max(value, zero);
      float* to = y + static_cast<ptrdiff_t>(r) * p.outputs + at;
      if (left >= kLanes)
        store(value, to);
      else if (left > 0)
        Rest{static_cast<size_t>(left)}.write(value, to);
    }
  }
}

template <int V>
HWY_INLINE void columns_of(const Pointwise& p, const float* x, const float* skip, int pixels, int column, float* y) {
  constexpr int kPixels = V == 1 || (V == 2 && HWY_CAP_GE512) ? 8 : 4;  // with V vectors each they fit the registers
  const auto skip_at = [&](int pixel) {
    return skip == nullptr ? nullptr : skip + static_cast<ptrdiff_t>(pixel) * p.skip_channels;
  };
  int pixel = 0;
  for (; pixel + kPixels <= pixels; pixel += kPixels)
    tile<kPixels, V>(p, x + static_cast<ptrdiff_t>(pixel) * p.inputs, skip_at(pixel), column,
                     y + static_cast<ptrdiff_t>(pixel) * p.outputs);
  for (; pixel < pixels; ++pixel)
    tile<1, V>(p, x + static_cast<ptrdiff_t>(pixel) * p.inputs, skip_at(pixel), column,
               y + static_cast<ptrdiff_t>(pixel) * p.outputs);
}

void pointwise(const Pointwise& p, const float* x, const float* skip, int pixels, float* y) {
  constexpr int kWide = HWY_CAP_GE512 ? 4 : 2, kStep = static_cast<int>(kLanes);
  int column = 0;
  for (; column + kWide * kStep <= p.columns && column < p.outputs; column += kWide * kStep)
    columns_of<kWide>(p, x, skip, pixels, column, y);
  for (; column + 2 * kStep <= p.columns && column + kStep < p.outputs; column += 2 * kStep)
    columns_of<2>(p, x, skip, pixels, column, y);
  for (; column < p.outputs; column += kStep) columns_of<1>(p, x, skip, pixels, column, y);
}

void max_pool(const float* x, ptrdiff_t x_row, int pixels, int channels, float* y) {
  for (int64_t p = 0; p < pixels; ++p, x += 2 * static_cast<ptrdiff_t>(channels), y += channels)
    for_vectors(channels, [&](int64_t c, auto at) FSFM_VECTOR_BODY {
      const Vec above = hn::Max(at.read(x + c), at.read(x + channels + c));
      const Vec below = hn::Max(at.read(x + x_row + c), at.read(x + x_row + channels + c));
      at.write(hn::Max(above, below), y + c);
    });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(depthwise_of);
HWY_EXPORT(pointwise);
HWY_EXPORT(max_pool);
}  // namespace

int depthwise_period(int channels) { return std::lcm(channels, kColumnPad); }

void depthwise_row(const float* x, ptrdiff_t x_row, const float* weights, int kernel, int stride, int pixels,
                   int channels, float* y) {
  HWY_DYNAMIC_DISPATCH(depthwise_of)
  (x, x_row, weights, depthwise_period(channels), kernel, stride, pixels, channels, y);
}

void pointwise_row(const float* x, int pixels, int inputs, const float* weights, const float* bias, const float* skip,
                   int skip_channels, bool relu, int outputs, float* y) {
  const Pointwise p{weights, bias, inputs, padded_columns(outputs), skip_channels, outputs, relu};
  HWY_DYNAMIC_DISPATCH(pointwise)(p, x, skip, pixels, y);
}

void max_pool_row(const float* x, ptrdiff_t x_row, int pixels, int channels, float* y) {
  HWY_DYNAMIC_DISPATCH(max_pool)(x, x_row, pixels, channels, y);
}

}  // namespace fsfm::kernels
#endif
