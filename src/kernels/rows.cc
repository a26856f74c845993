#include "kernels/rows.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rows.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

void add_values(const float* a, const float* b, float* sum, int64_t count) {
  for_vectors(count,
              [&](int64_t i, auto at) FSFM_VECTOR_BODY { at.write(hn::Add(at.read(a + i), at.read(b + i)), sum + i); });
}

template <class T>
HWY_INLINE void add_rows(const T* x, float* sums, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r, x += width)
    for_vectors(width, [&](int64_t j, auto at)
                           FSFM_VECTOR_BODY { at.write(hn::Add(at.read(sums + j), at.read(x + j)), sums + j); });
}

void add_rows_f32(const float* x, float* sums, int64_t rows, int64_t width) { add_rows(x, sums, rows, width); }
void add_rows_bf16(const Bf16* x, float* sums, int64_t rows, int64_t width) { add_rows(x, sums, rows, width); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(add_values);
HWY_EXPORT(add_rows_f32);
HWY_EXPORT(add_rows_bf16);
}  // namespace

void add(const float* a, const float* b, float* sum, int64_t count) {
  HWY_DYNAMIC_DISPATCH(add_values)(a, b, sum, count);
}
void add_columns(const float* x, float* sums, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(add_rows_f32)(x, sums, rows, width);
}
void add_columns(const Bf16* x, float* sums, int64_t rows, int64_t width) {
  HWY_DYNAMIC_DISPATCH(add_rows_bf16)(x, sums, rows, width);
}

}  // namespace fsfm::kernels
#endif
