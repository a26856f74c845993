// The row-wise work of a training step between the matrix products, per instruction set.
#pragma once

#include <cstdint>
#include <vector>

namespace fsfm {

struct Bf16 {
  uint16_t bits;
};

// All pointers are to contiguous rows [rows, width]. `y` may be `x`. Sums named `grad_*` are added to.
template <class T>
struct RowKernels {
  // h = gelu(u + bias), exact (erf) form.
  void (*bias_gelu)(const T* u, const float* bias, T* h, int64_t rows, int64_t width);
  // Recomputes h and turns `grad` from dL/dh into dL/du; adds its column sums to grad_bias.
  void (*bias_gelu_backward)(const T* u, const float* bias, T* h, T* grad, float* grad_bias, int64_t rows,
                             int64_t width);
  // y = (x - mean) * rstd * weight + bias; keeps mean and 1/deviation of each row.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, T* y, float* mean, float* rstd,
                     int64_t rows, int64_t width, float eps);
  void (*layer_norm_backward)(const T* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                              float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width);
  void (*column_sums)(const T* x, float* grad_sums, int64_t rows, int64_t width);
  void (*from_float)(const float* x, T* y, int64_t count);
  void (*to_float)(const T* x, float* y, int64_t count);
};

// Plain functions, chosen once at run time; each works in the calling thread.
struct Kernels {
  const char* name;  // "avx512", "avx2", "generic"
  // Rows of scores -> softmax(scale * scores), in place.
  void (*softmax)(float* scores, int64_t rows, int64_t width, float scale);
  // grad <- scale * p * (grad - sum(p * grad)): from dL/dp to dL/dscores, in place.
  void (*softmax_backward)(const float* p, float* grad, int64_t rows, int64_t width, float scale);
  RowKernels<float> f32;
  RowKernels<Bf16> bf16;

  template <class T>
  const RowKernels<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return f32;
    } else {
      return bf16;
    }
  }
};

// The fastest this processor can run.
const Kernels& kernels();
// All this processor can run, fastest first (for tests).
std::vector<const Kernels*> available_kernels();

}  // namespace fsfm
