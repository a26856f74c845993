#include "kernels/bf16.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bf16.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class From, class To>
void convert_values(const From* x, To* y, int64_t count) {
  for_vectors(count, [&](int64_t i, auto at) FSFM_VECTOR_BODY { at.write(at.read(x + i), y + i); });
}

void float_to_bf16(const float* x, Bf16* y, int64_t count) { convert_values(x, y, count); }
void bf16_to_float(const Bf16* x, float* y, int64_t count) { convert_values(x, y, count); }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(float_to_bf16);
HWY_EXPORT(bf16_to_float);
}  // namespace

void convert(const float* x, Bf16* y, int64_t count) { HWY_DYNAMIC_DISPATCH(float_to_bf16)(x, y, count); }
void convert(const Bf16* x, float* y, int64_t count) { HWY_DYNAMIC_DISPATCH(bf16_to_float)(x, y, count); }

}  // namespace fsfm::kernels
#endif
