// Rows of small convolutional networks with the channels innermost: depthwise and pointwise convolution, pooling. A row
// at a time goes through both convolutions, so that what lies between them stays in the first cache.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fsfm::kernels {

// Columns that the weights of pointwise_row are padded to.
constexpr int kColumnPad = 16;
constexpr int padded_columns(int outputs) { return (outputs + kColumnPad - 1) / kColumnPad * kColumnPad; }
// Floats of one tap's weights for depthwise_row: those of all channels, repeated to whole vectors.
int depthwise_period(int channels);

// y[p, c] = sum over ky, kx of x[ky, stride * p + kx, c] * weights[ky, kx, c]. x: the window of the first pixel, rows
// x_row floats apart, a pixel is `channels` floats; weights: [kernel * kernel, depthwise_period(channels)], channel c
// of a tap at c, c + channels, ...; y: [pixels, channels]. kernel 3 or 5, stride 1 or 2. No alignment needed.
// Thread-safe.
void depthwise_row(const float* x, ptrdiff_t x_row, const float* weights, int kernel, int stride, int pixels,
                   int channels, float* y);

// y[p, o] = activation(sum over i of x[p, i] * weights[i, o] + bias[o] + skip[p, o]). x: [pixels, inputs]; weights:
// [inputs, padded_columns(outputs)], bias: [padded_columns(outputs)]; skip: null or [pixels, skip_channels], 0 beyond
// them; `relu`: negative values become 0; y: [pixels, outputs], which may
// be skip where both have the same channels. No alignment needed. Thread-safe.
void pointwise_row(const float* x, int pixels, int inputs, const float* weights, const float* bias, const float* skip,
                   int skip_channels, bool relu, int outputs, float* y);

// y[p, c] = the largest of the 2 x 2 pixels x[0..1, 2p..2p+1, c]. As above. Thread-safe.
void max_pool_row(const float* x, ptrdiff_t x_row, int pixels, int channels, float* y);

}  // namespace fsfm::kernels
