#include "kernels/softmax.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

void softmax_rows(float* scores, int64_t rows, int64_t width, float scale) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = scores + r * width;
    const Vec inverse = splat(1.0f / exp_row(row, width, scale));
    for_vectors(width,
                [&](int64_t j, auto at) FSFM_VECTOR_BODY { at.write(hn::Mul(at.read(row + j), inverse), row + j); });
  }
}

void exp_rows_in_place(float* scores, int64_t rows, int64_t width, int64_t stride, float scale, float* sums) {
  for (int64_t r = 0; r < rows; ++r) sums[r] = exp_row(scores + r * stride, width, scale);
}

// grad <- scale * p * (grad - sum(p * grad))
void softmax_rows_backward(const float* p, float* grad, int64_t rows, int64_t width, float scale) {
  for (int64_t r = 0; r < rows; ++r, p += width, grad += width) {
    const Vec dot = splat(sum_over(
        width, [&](int64_t j, auto at) FSFM_VECTOR_BODY { return hn::Mul(at.read(p + j), at.read(grad + j)); }));
    const Vec factor = splat(scale);
    for_vectors(width, [&](int64_t j, auto at) FSFM_VECTOR_BODY {
      at.write(hn::Mul(hn::Mul(factor, at.read(p + j)), hn::Sub(at.read(grad + j), dot)), grad + j);
    });
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_rows_backward);
HWY_EXPORT(exp_rows_in_place);
}  // namespace

void softmax(float* scores, int64_t rows, int64_t width, float scale) {
  HWY_DYNAMIC_DISPATCH(softmax_rows)(scores, rows, width, scale);
}
void exp_rows(float* scores, int64_t rows, int64_t width, int64_t stride, float scale, float* sums) {
  HWY_DYNAMIC_DISPATCH(exp_rows_in_place)(scores, rows, width, stride, scale, sums);
}
void softmax_backward(const float* p, float* grad, int64_t rows, int64_t width, float scale) {
  HWY_DYNAMIC_DISPATCH(softmax_rows_backward)(p, grad, rows, width, scale);
}

}  // namespace fsfm::kernels
#endif
