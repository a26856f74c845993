#include "kernels/quantize.h"

#include <algorithm>
#include <cmath>

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantize.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

using Ints = hn::RebindToSigned<Floats>;

float quantize(const float* x, uint8_t* q, int64_t width) {
  const int64_t whole = width / kLanes * kLanes;
  Vec most = splat(0);
  for (int64_t j = 0; j < whole; j += kLanes) most = hn::Max(most, hn::Abs(load(x + j)));
  float top = largest(most);
  for (int64_t j = whole; j < width; ++j) top = std::max(top, std::fabs(x[j]));
  const float inverse = top > 0 ? 127.0f / top : 0.0f;
  const hn::Rebind<uint8_t, Floats> bytes;
  for (int64_t j = 0; j < whole; j += kLanes) {
    const auto rounded = hn::NearestInt(hn::Mul(load(x + j), splat(inverse)));
    hn::StoreU(hn::DemoteTo(bytes, hn::Add(rounded, hn::Set(Ints(), 128))), bytes, q + j);
  }
  for (int64_t j = whole; j < width; ++j) q[j] = static_cast<uint8_t>(std::nearbyint(x[j] * inverse) + 128);
  return top / 127.0f;
}

void dequantize(const int32_t* sums, const int32_t* offset, float scale, const float* weight_scale, const float* bias,
                float* y, int64_t width, bool add) {
  const int64_t whole = width / kLanes * kLanes;
  for (int64_t j = 0; j < whole; j += kLanes) {
    const auto sum = hn::Sub(hn::LoadU(Ints(), sums + j), hn::LoadU(Ints(), offset + j));
    Vec value = hn::Mul(hn::ConvertTo(Floats(), sum), hn::Mul(splat(scale), load(weight_scale + j)));
    if (bias != nullptr) value = hn::Add(value, load(bias + j));
    store(add ? hn::Add(load(y + j), value) : value, y + j);
  }
  for (int64_t j = whole; j < width; ++j) {
    const float value =
        static_cast<float>(sums[j] - offset[j]) * (scale * weight_scale[j]) + (bias != nullptr ? bias[j] : 0.0f);
    y[j] = add ? y[j] + value : value;
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(quantize);
HWY_EXPORT(dequantize);
}  // namespace

float quantize_row(const float* x, uint8_t* q, int64_t width) { return HWY_DYNAMIC_DISPATCH(quantize)(x, q, width); }
void dequantize_row(const int32_t* sums, const int32_t* offset, float scale, const float* weight_scale,
                    const float* bias, float* y, int64_t width, bool add) {
  HWY_DYNAMIC_DISPATCH(dequantize)(sums, offset, scale, weight_scale, bias, y, width, add);
}

}  // namespace fsfm::kernels
#endif
