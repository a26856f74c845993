#include "kernels/layer_norm.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE void norm_rows(const float* x, const float* weight, const float* bias, T* y, float* mean, float* rstd,
                          int64_t rows, int64_t width, float eps) {
  const float per = 1.0f / static_cast<float>(width);
  for (int64_t r = 0; r < rows; ++r, x += width, y += width) {
    const float m = per * sum_over(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY { return at.read(x + j); });
    const Vec center = splat(m);
    const float squares = sum_over(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      const Vec d = at.fill(hn::Sub(at.read(x + j), center), 0.0f);
      return hn::Mul(d, d);
    });
    const float s = 1.0f / __builtin_sqrtf(squares * per + eps);
    if (mean != nullptr) mean[r] = m;
    if (rstd != nullptr) rstd[r] = s;
    const Vec scale = splat(s);
    for_vectors(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      const Vec normed = hn::Mul(hn::Sub(at.read(x + j), center), scale);
      at.write(hn::MulAdd(normed, at.read(weight + j), at.read(bias + j)), y + j);
    });
  }
}

template <class T>
HWY_INLINE void norm_rows_backward(const T* grad, const float* x, const float* weight, const float* mean,
                                   const float* rstd, float* grad_x, float* grad_weight, float* grad_bias, int64_t rows,
                                   int64_t width) {
  const float per = 1.0f / static_cast<float>(width);
  for (int64_t r = 0; r < rows; ++r, grad += width, x += width, grad_x += width) {
    const Vec m = splat(mean[r]), s = splat(rstd[r]);
    Vec sums = splat(0.0f), dots = sums;
    for_vectors(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      const Vec g = at.read(grad + j), normed = hn::Mul(hn::Sub(at.read(x + j), m), s);
      const Vec gw = hn::Mul(g, at.read(weight + j));  // 0 beyond the end
      at.write(hn::Add(at.read(grad_bias + j), g), grad_bias + j);
      at.write(hn::MulAdd(g, normed, at.read(grad_weight + j)), grad_weight + j);
      sums = hn::Add(sums, gw);
      dots = hn::MulAdd(gw, normed, dots);
    });
    const Vec a = splat(sum(sums) * per), b = splat(sum(dots) * per);
    for_vectors(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      const Vec normed = hn::Mul(hn::Sub(at.read(x + j), m), s);
      const Vec gw = hn::Mul(at.read(grad + j), at.read(weight + j));
      at.write(hn::Mul(s, hn::NegMulAdd(normed, b, hn::Sub(gw, a))), grad_x + j);
    });
  }
}

void norm_f32(const float* x, const float* weight, const float* bias, float* y, float* mean, float* rstd, int64_t rows,
              int64_t width, float eps) {
  norm_rows(x, weight, bias, y, mean, rstd, rows, width, eps);
}
void norm_bf16(const float* x, const float* weight, const float* bias, Bf16* y, float* mean, float* rstd, int64_t rows,
               int64_t width, float eps) {
  norm_rows(x, weight, bias, y, mean, rstd, rows, width, eps);
}
void norm_backward_f32(const float* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                       float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width) {
  norm_rows_backward(grad, x, weight, mean, rstd, grad_x, grad_weight, grad_bias, rows, width);
}
void norm_backward_bf16(const Bf16* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                        float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width) {
  norm_rows_backward(grad, x, weight, mean, rstd, grad_x, grad_weight, grad_bias, rows, width);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(norm_f32);
HWY_EXPORT(norm_bf16);
HWY_EXPORT(norm_backward_f32);
HWY_EXPORT(norm_backward_bf16);
}  // namespace

void layer_norm(const float* x, const float* weight, const float* bias, float* y, float* mean, float* rstd,
                int64_t rows, int64_t width, float eps) {
  HWY_DYNAMIC_DISPATCH(norm_f32)(x, weight, bias, y, mean, rstd, rows, width, eps);
}
void layer_norm(const float* x, const float* weight, const float* bias, Bf16* y, float* mean, float* rstd, int64_t rows,
                int64_t width, float eps) {
  HWY_DYNAMIC_DISPATCH(norm_bf16)(x, weight, bias, y, mean, rstd, rows, width, eps);
}
void layer_norm_backward(const float* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                         float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(norm_backward_f32)
  (grad, x, weight, mean, rstd, grad_x, grad_weight, grad_bias, rows, width);
}
void layer_norm_backward(const Bf16* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                         float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(norm_backward_bf16)
  (grad, x, weight, mean, rstd, grad_x, grad_weight, grad_bias, rows, width);
}

}  // namespace fsfm::kernels
#endif
