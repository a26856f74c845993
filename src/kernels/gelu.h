// GELU with the bias before it, and its way back.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace fsfm::kernels {

// h = gelu(u + bias) in the exact (erf) form, absolute error about 2e-6 for |u| < 16 in float. u, h: [rows, width],
// dense; bias [width]. No alignment needed; h may be u. Thread-safe.
void bias_gelu(const float* u, const float* bias, float* h, int64_t rows, int64_t width);
void bias_gelu(const Bf16* u, const float* bias, Bf16* h, int64_t rows, int64_t width);

// Makes h again and turns `grad` [rows, width] from dL/dh into dL/du, whose column sums are ADDED to grad_bias [width].
// h may be u; grad overlaps neither. Thread-safe.
void bias_gelu_backward(const float* u, const float* bias, float* h, float* grad, float* grad_bias, int64_t rows,
                        int64_t width);
void bias_gelu_backward(const Bf16* u, const float* bias, Bf16* h, Bf16* grad, float* grad_bias, int64_t rows,
                        int64_t width);

}  // namespace fsfm::kernels
