#include "kernels/gelu.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gelu.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE void gelu_rows(const T* u, const float* bias, T* h, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r, u += width, h += width)
    for_vectors(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      const Vec x = hn::Add(at.read(u + j), at.read(bias + j));
      at.write(hn::Mul(x, normal(x).cdf), h + j);
    });
}

template <class T>
HWY_INLINE void gelu_rows_backward(const T* u, const float* bias, T* h, T* grad, float* grad_bias, int64_t rows,
                                   int64_t width) {
  for (int64_t r = 0; r < rows; ++r, u += width, h += width, grad += width)
    for_vectors(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      const Vec x = hn::Add(at.read(u + j), at.read(bias + j));
      const Normal gelu = normal(x);
      at.write(hn::Mul(x, gelu.cdf), h + j);
      const Vec du = hn::Mul(at.read(grad + j), hn::MulAdd(x, gelu.density, gelu.cdf));
      at.write(du, grad + j);
      at.write(hn::Add(at.read(grad_bias + j), du), grad_bias + j);
    });
}

void gelu_f32(const float* u, const float* bias, float* h, int64_t rows, int64_t width) {
  gelu_rows(u, bias, h, rows, width);
}
void gelu_bf16(const Bf16* u, const float* bias, Bf16* h, int64_t rows, int64_t width) {
  gelu_rows(u, bias, h, rows, width);
}
void gelu_backward_f32(const float* u, const float* bias, float* h, float* grad, float* grad_bias, int64_t rows,
                       int64_t width) {
  gelu_rows_backward(u, bias, h, grad, grad_bias, rows, width);
}
void gelu_backward_bf16(const Bf16* u, const float* bias, Bf16* h, Bf16* grad, float* grad_bias, int64_t rows,
                        int64_t width) {
  gelu_rows_backward(u, bias, h, grad, grad_bias, rows, width);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(gelu_f32);
HWY_EXPORT(gelu_bf16);
HWY_EXPORT(gelu_backward_f32);
HWY_EXPORT(gelu_backward_bf16);
}  // namespace

void bias_gelu(const float* u, const float* bias, float* h, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(gelu_f32)(u, bias, h, rows, width);
}
void bias_gelu(const Bf16* u, const float* bias, Bf16* h, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(gelu_bf16)(u, bias, h, rows, width);
}
void bias_gelu_backward(const float* u, const float* bias, float* h, float* grad, float* grad_bias, int64_t rows,
                        int64_t width) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_f32)(u, bias, h, grad, grad_bias, rows, width);
}
void bias_gelu_backward(const Bf16* u, const float* bias, Bf16* h, Bf16* grad, float* grad_bias, int64_t rows,
                        int64_t width) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_bf16)(u, bias, h, grad, grad_bias, rows, width);
}

}  // namespace fsfm::kernels
#endif
