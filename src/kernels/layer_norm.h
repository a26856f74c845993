// Layer normalisation of rows, and its way back.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace fsfm::kernels {

// y = (x - mean) / sqrt(variance + eps) * weight + bias for each row. x, y: [rows, width], dense; weight, bias [width].
// Keeps each row's mean and 1/sqrt(variance + eps) in mean, rstd [rows], which may both be null. No alignment needed; y
// may be x. Thread-safe.
void layer_norm(const float* x, const float* weight, const float* bias, float* y, float* mean, float* rstd,
                int64_t rows, int64_t width, float eps);
void layer_norm(const float* x, const float* weight, const float* bias, Bf16* y, float* mean, float* rstd, int64_t rows,
                int64_t width, float eps);

// grad = dL/dy [rows, width] -> grad_x [rows, width] = dL/dx; those of weight and bias are ADDED to grad_weight and
// grad_bias [width]. Nothing may overlap. Thread-safe.
void layer_norm_backward(const float* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                         float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width);
void layer_norm_backward(const Bf16* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                         float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width);

}  // namespace fsfm::kernels
