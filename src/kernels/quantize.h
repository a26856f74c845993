// Rows of float to bytes and back: what stands around a matrix product of integers.
#pragma once

#include <cstdint>

namespace fsfm::kernels {

// q[j] = round(x[j] / s) + 128 with s = max|x| / 127, which is returned (0 for a row of zeros, whose bytes are 128).
// Rounds to nearest, ties to even; the same on every instruction set. No alignment needed. Thread-safe.
float quantize_row(const float* x, uint8_t* q, int64_t width);

// y[j] = (sums[j] - offset[j]) * scale * weight_scale[j] + bias[j]; with `add` that is added to y[j]. `bias` may be
// null. Thread-safe.
void dequantize_row(const int32_t* sums, const int32_t* offset, float scale, const float* weight_scale,
                    const float* bias, float* y, int64_t width, bool add);

}  // namespace fsfm::kernels
