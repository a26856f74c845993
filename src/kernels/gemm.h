// Matrix products on the CPU through oneDNN, whose kernels know processors that the BLAS under libtorch may not.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace fsfm {

enum class Transpose : bool { no, yes };

// Row-major C[m,n] = op(A)[m,k] * op(B)[k,n] + beta * C, with row strides lda, ldb, ldc of the matrices as stored. Uses
// OpenMP's threads, or one inside a parallel region. No alignment needed; C must not overlap A or B. Thread-safe.
// Throws InternalError when oneDNN refuses.
void gemm(Transpose a_transposed, Transpose b_transposed, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
          const float* b, int64_t ldb, float beta, float* c, int64_t ldc);

// The same for dense bfloat16 matrices with float sums; beta is 0 or 1 (1 only for a float C). A float B (weights) is
// rounded to bfloat16 and packed on the way. B and C: float or Bf16. bias [n], added to every row, may be null.
template <class B, class C>
void gemm_bf16(Transpose a_transposed, Transpose b_transposed, int64_t m, int64_t n, int64_t k, const Bf16* a,
               const B* b, const float* bias, float beta, C* c);

// Does this processor multiply bfloat16 faster than float? True with AMX, and on AMD with AVX-512 BF16; Intel's AVX-512
// BF16 without AMX is slower than its float (0.57 of it, measured).
bool bf16_products_are_fast();

}  // namespace fsfm
