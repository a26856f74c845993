// Softmax of rows, and its way back.
#pragma once

#include <cstdint>

namespace fsfm::kernels {

// scores [rows, width], dense, no alignment needed: each row becomes softmax(scale * row), in place; scale > 0,
// width >= 1. Thread-safe.
void softmax(float* scores, int64_t rows, int64_t width, float scale);

// scores [rows, stride]: the first `width` of each row become exp(scale * (score - the row's largest)), in place; sums
// [rows]: theirs. For who divides later. Thread-safe.
void exp_rows(float* scores, int64_t rows, int64_t width, int64_t stride, float scale, float* sums);

// p [rows, width] = softmax(scale * scores), grad [rows, width] = dL/dp: grad becomes dL/dscores, in place. The two
// must not overlap. Thread-safe.
void softmax_backward(const float* p, float* grad, int64_t rows, int64_t width, float scale);

}  // namespace fsfm::kernels
