// Sums of rows: residuals, positions, biases, means over tokens and gradients of biases.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace fsfm::kernels {

// sum = a + b, `count` values, the same on every instruction set. No alignment needed; sum may be a or b. Thread-safe.
void add(const float* a, const float* b, float* sum, int64_t count);

// ADDS each column of x [rows, width] to sums [width], row after row, the same on every instruction set. No alignment
// needed; the two must not overlap. Thread-safe.
void add_columns(const float* x, float* sums, int64_t rows, int64_t width);
void add_columns(const Bf16* x, float* sums, int64_t rows, int64_t width);

}  // namespace fsfm::kernels
