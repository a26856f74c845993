#include "kernels/adamw.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/adamw.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

// Products and sums are rounded apart (no fused multiply-add), as a processor without one does it.
HWY_INLINE Vec weighted(Vec a, Vec factor_a, Vec b, Vec factor_b) {
  return hn::Add(hn::Mul(a, factor_a), hn::Mul(b, factor_b));
}

void adamw_sweep(float* HWY_RESTRICT param, const float* HWY_RESTRICT grad, float* HWY_RESTRICT exp_avg,
                 float* HWY_RESTRICT exp_avg_sq, int64_t count, const AdamWConstants& c) {
  const Vec grad_scale = splat(c.grad_scale), coupled = splat(c.coupled_decay), keep = splat(c.keep);
  const Vec beta1 = splat(c.beta1), rest1 = splat(c.one_minus_beta1);
  const Vec beta2 = splat(c.beta2), rest2 = splat(c.one_minus_beta2);
  const Vec step = splat(c.step_size), correction2 = splat(c.inverse_sqrt_correction2), eps = splat(c.eps);
  for_vectors(count, [&](int64_t i, auto at) FSFM_VECTOR_BODY {
    const Vec p = at.read(param + i);
    const Vec g = weighted(at.read(grad + i), grad_scale, p, coupled);
    const Vec m = weighted(at.read(exp_avg + i), beta1, g, rest1);
    const Vec v = weighted(at.read(exp_avg_sq + i), beta2, hn::Mul(g, g), rest2);
    at.write(m, exp_avg + i);
    at.write(v, exp_avg_sq + i);
    const Vec deviation = hn::Add(hn::Mul(hn::Sqrt(v), correction2), eps);
    at.write(hn::Sub(hn::Mul(p, keep), hn::Div(hn::Mul(step, m), deviation)), param + i);
  });
}

void average_sweep(float* HWY_RESTRICT average, const float* HWY_RESTRICT param, int64_t count, float momentum,
                   float rest) {
  const Vec kept = splat(momentum), added = splat(rest);
  for_vectors(count, [&](int64_t i, auto at) FSFM_VECTOR_BODY {
    at.write(weighted(at.read(average + i), kept, at.read(param + i), added), average + i);
  });
}

// Eight sums side by side, whatever the length of a vector, and then one after another.
double sum_squares(const float* values, int64_t count) {
  constexpr int64_t kSums = 8;
  const hn::CappedTag<double, kSums> d;
  const hn::Rebind<float, decltype(d)> narrow;
  constexpr int64_t kStep = hn::MaxLanes(d), kVectors = kSums / kStep;
  hn::Vec<decltype(d)> sums[kVectors];
  for (int64_t k = 0; k < kVectors; ++k) sums[k] = hn::Zero(d);
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int64_t k = 0; k < kVectors; ++k) {
      const auto v = hn::PromoteTo(d, hn::LoadU(narrow, values + i + k * kStep));
      sums[k] = hn::MulAdd(v, v, sums[k]);  // the square is exact in double, so fused or not is the same
    }
  double parts[kSums], total = 0;
  for (int64_t k = 0; k < kVectors; ++k) hn::StoreU(sums[k], d, parts + k * kStep);
  for (; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
  for (const double part : parts) total += part;
  return total;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(adamw_sweep);
HWY_EXPORT(average_sweep);
HWY_EXPORT(sum_squares);
}  // namespace

void adamw(float* param, const float* grad, float* exp_avg, float* exp_avg_sq, int64_t count, const AdamWConstants& c) {
  HWY_DYNAMIC_DISPATCH(adamw_sweep)(param, grad, exp_avg, exp_avg_sq, count, c);
}
void move_average(float* average, const float* param, int64_t count, float momentum, float rest) {
  HWY_DYNAMIC_DISPATCH(average_sweep)(average, param, count, momentum, rest);
}
double squared_sum(const float* values, int64_t count) { return HWY_DYNAMIC_DISPATCH(sum_squares)(values, count); }

}  // namespace fsfm::kernels
#endif
