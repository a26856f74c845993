// What the kernels share: loops over a row in vectors of float, whatever its length, read and written as float or
// bfloat16; exp and the normal distribution. Included once for each instruction set.
#if defined(FSFM_KERNELS_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FSFM_KERNELS_VECTORS_INL_H_
#undef FSFM_KERNELS_VECTORS_INL_H_
#else
#define FSFM_KERNELS_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "kernels/bf16.h"

// Follows the parameters of a lambda inside a kernel.
#undef FSFM_VECTOR_BODY
#define FSFM_VECTOR_BODY HWY_ATTR __attribute__((always_inline))

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vec = hn::Vec<Floats>;
constexpr int64_t kLanes = HWY_LANES(float);

HWY_INLINE Vec splat(float value) { return hn::Set(Floats(), value); }
HWY_INLINE float sum(Vec v) { return hn::GetLane(hn::SumOfLanes(Floats(), v)); }
HWY_INLINE float largest(Vec v) { return hn::GetLane(hn::MaxOfLanes(Floats(), v)); }

HWY_INLINE Vec load(const float* p) { return hn::LoadU(Floats(), p); }
HWY_INLINE void store(Vec v, float* p) { hn::StoreU(v, Floats(), p); }

HWY_INLINE Vec load(const Bf16* p) {
  const hn::Rebind<uint16_t, Floats> d16;
  const hn::RebindToUnsigned<Floats> d32;
  const auto half = hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p));
  return hn::BitCast(Floats(), hn::ShiftLeft<16>(hn::PromoteTo(d32, half)));
}

// The rounding of to_bf16(). Highway's own conversion truncates, and the processors' own flushes small values to zero.
HWY_INLINE void store(Vec v, Bf16* p) {
  const hn::Rebind<uint16_t, Floats> d16;
  const hn::RebindToUnsigned<Floats> d32;
  const auto bits = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d32, 1));
  auto half = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d32, 0x7FFF))));
  half = hn::IfThenElse(hn::RebindMask(d32, hn::Eq(v, v)), half, hn::Set(d32, 0x7FC0));
  const hn::RebindToSigned<decltype(d32)> di32;
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di32, half)), d16, reinterpret_cast<uint16_t*>(p));
}

// How a loop reads and writes where it stands: a whole vector ...
struct Whole {
  template <class T>
  HWY_INLINE Vec read(const T* p) const {
    return load(p);
  }
  template <class T>
  HWY_INLINE void write(Vec v, T* p) const {
    store(v, p);
  }
  // v, but `filler` in the lanes beyond the end of the row.
  HWY_INLINE Vec fill(Vec v, float) const { return v; }
};

// ... or the last `count` values of a row, fewer than a vector: what lies beyond is neither read nor written, and reads
// as 0.
struct Rest {
  size_t count;

  template <class T>
  HWY_INLINE Vec read(const T* p) const {
    T values[HWY_LANES(float)] = {};
    copy(p, values);
    return load(values);
  }
  template <class T>
  HWY_INLINE void write(Vec v, T* p) const {
    T values[HWY_LANES(float)];
    store(v, values);
    copy(values, p);
  }
#if HWY_TARGET == HWY_AVX2 || HWY_CAP_GE512  // others would read beyond the end
  HWY_INLINE Vec read(const float* p) const { return hn::MaskedLoad(hn::FirstN(Floats(), count), Floats(), p); }
#endif
#if HWY_CAP_GE512  // before AVX-512 a masked store is slow, and holds up whoever reads beside it
  HWY_INLINE void write(Vec v, float* p) const { hn::BlendedStore(v, hn::FirstN(Floats(), count), Floats(), p); }
#endif
  HWY_INLINE Vec fill(Vec v, float filler) const {
    return hn::IfThenElse(hn::FirstN(Floats(), count), v, splat(filler));
  }

 private:
  // In pieces of fixed size: a call of memcpy would cost more than the rest of a short row.
  template <class T>
  HWY_INLINE void copy(const T* from, T* to) const {
    size_t i = 0;
    if constexpr (kLanes > 8) i += piece<8>(from, to, i);
    if constexpr (kLanes > 4) i += piece<4>(from, to, i);
    if constexpr (kLanes > 2) i += piece<2>(from, to, i);
    piece<1>(from, to, i);
  }
  template <size_t kValues, class T>
  HWY_INLINE size_t piece(const T* from, T* to, size_t i) const {
    if ((count & kValues) == 0) return 0;
    __builtin_memcpy(to + i, from + i, kValues * sizeof(T));
    return kValues;
  }
};

// body(first index, Whole or Rest) over `count` values.
template <class Body>
HWY_INLINE void for_vectors(int64_t count, const Body& body) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) body(i, Whole());
  if (i < count) body(i, Rest{static_cast<size_t>(count - i)});
}

// The sum of what body(first index, Whole or Rest) returns. Four sums run side by side to hide the latency of adding.
template <class Body>
HWY_INLINE float sum_over(int64_t count, const Body& body) {
  Vec a = splat(0.0f), b = a, c = a, d = a;
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    a = hn::Add(a, body(i, Whole()));
    b = hn::Add(b, body(i + kLanes, Whole()));
    c = hn::Add(c, body(i + 2 * kLanes, Whole()));
    d = hn::Add(d, body(i + 3 * kLanes, Whole()));
  }
  for (; i + kLanes <= count; i += kLanes) a = hn::Add(a, body(i, Whole()));
  if (i < count) b = hn::Add(b, body(i, Rest{static_cast<size_t>(count - i)}));
  return sum(hn::Add(hn::Add(a, b), hn::Add(c, d)));
}

// exp for arguments <= 0, relative error about 1e-7: 2^n times a polynomial on [-ln2/2, ln2/2]. Below -87: exp(-87).
HWY_INLINE Vec exp_negative(Vec x) {
  const Vec rounder = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  x = hn::Max(x, splat(-87.0f));
  const Vec shifted = hn::MulAdd(x, splat(1.44269504f), rounder);
  const Vec n = hn::Sub(shifted, rounder);
  const Vec r = hn::MulAdd(n, splat(2.12194440e-4f), hn::NegMulAdd(n, splat(0.693359375f), x));
  Vec p = hn::MulAdd(r, splat(1.9875691500e-4f), splat(1.3981999507e-3f));
  p = hn::MulAdd(p, r, splat(8.3334519073e-3f));
  p = hn::MulAdd(p, r, splat(4.1665795894e-2f));
  p = hn::MulAdd(p, r, splat(1.6666665459e-1f));
  p = hn::MulAdd(p, r, splat(5.0000001201e-1f));
  p = hn::MulAdd(p, hn::Mul(r, r), hn::Add(r, splat(1.0f)));
  const hn::RebindToSigned<Floats> bits;
  // The low bits of `shifted` are n; the rest is shifted out.
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(bits, shifted));
  return hn::BitCast(Floats(), hn::Add(hn::BitCast(bits, p), exponent));
}

// A row of scores -> exp(scale * (score - largest score)), in place; returns the sum.
HWY_INLINE float exp_row(float* row, int64_t width, float scale) {
  Vec top = splat(-3.4e38f), top2 = top;
  int64_t j = 0;
  for (; j + 2 * kLanes <= width; j += 2 * kLanes) {
    top = hn::Max(top, load(row + j));
    top2 = hn::Max(top2, load(row + j + kLanes));
  }
  for_vectors(width - j, [&](int64_t i, auto at)
                             FSFM_VECTOR_BODY { top = hn::Max(top, at.fill(at.read(row + j + i), -3.4e38f)); });
  const Vec most = splat(largest(hn::Max(top, top2))), factor = splat(scale);
  return sum_over(width, [&](int64_t i, auto at) FSFM_VECTOR_BODY {
    const Vec e = exp_negative(hn::Mul(hn::Sub(at.read(row + i), most), factor));
    at.write(e, row + i);
    return at.fill(e, 0.0f);
  });
}

// Of the standard normal distribution.
struct Normal {
  Vec cdf, density;
};

// Abramowitz & Stegun 7.1.26 for the complementary error function (absolute error 1.5e-7), whose exponential is at the
// same time the density.
HWY_INLINE Normal normal(Vec x) {
  const Vec one = splat(1.0f), a = hn::Abs(x);
  const Vec t = hn::Div(one, hn::MulAdd(splat(0.3275911f * 0.70710678f), a, one));
  const Vec e = exp_negative(hn::Mul(hn::Mul(splat(-0.5f), a), a));
  Vec p = hn::MulAdd(t, splat(1.061405429f), splat(-1.453152027f));
  p = hn::MulAdd(p, t, splat(1.421413741f));
  p = hn::MulAdd(p, t, splat(-0.284496736f));
  p = hn::MulAdd(p, t, splat(0.254829592f));
  const Vec tail = hn::Mul(hn::Mul(hn::Mul(splat(0.5f), p), t), e);
  return {hn::IfThenElse(hn::Lt(x, splat(0.0f)), tail, hn::Sub(one, tail)), hn::Mul(splat(0.39894228f), e)};
}

}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#endif
