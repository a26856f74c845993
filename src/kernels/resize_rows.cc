#include "kernels/resize_rows.h"

#include <cstring>

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize_rows.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Exactness: processors multiply signed 16-bit numbers and add the products in pairs into 32 bits. A weight is split
// into high * 2^11 + low with 0 <= low < 2^11; both halves fit 16 bits, and (sum_high << 11) + sum_low equals the plain
// 32-bit sum modulo 2^32, so every byte is the plain one's.
#ifndef FSFM_KERNELS_RESIZE_ROWS_CC_
#define FSFM_KERNELS_RESIZE_ROWS_CC_
namespace fsfm::kernels {
namespace {

constexpr int kSplitBits = 11;
constexpr int32_t kHalf = 1 << (kResizeBits - 1);

int16_t high_part(int32_t weight) { return static_cast<int16_t>(weight >> kSplitBits); }
int16_t low_part(int32_t weight) { return static_cast<int16_t>(weight & ((1 << kSplitBits) - 1)); }
// The 32-bit lane that a product of pairs reads as (a, b), and back.
int32_t pair(int16_t a, int16_t b) {
  return static_cast<int32_t>(static_cast<uint16_t>(a) | static_cast<uint32_t>(static_cast<uint16_t>(b)) << 16);
}
int32_t whole(int16_t high, int16_t low) { return high * (1 << kSplitBits) + low; }

uint8_t round_to_byte(int32_t sum) {
  const int32_t value = (sum + kHalf) >> kResizeBits;
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// Of one byte of a row.
uint8_t blend(const uint8_t* in, int64_t row_bytes, const int32_t* packed, int count) {
  int32_t sum = 0;
  for (int t = 0; t < count; ++t) {
    const uint32_t high = static_cast<uint32_t>(packed[t / 2 * 2]), low = static_cast<uint32_t>(packed[t / 2 * 2 + 1]);
    const int shift = t % 2 * 16;
    sum += in[t * row_bytes] * whole(static_cast<int16_t>(high >> shift), static_cast<int16_t>(low >> shift));
  }
  return round_to_byte(sum);
}

// Per output and group of four taps: 16 high halves, then 16 low ones, in the order of kSpread:
// w0 w1 (red) w0 w1 (green) w0 w1 (blue) 0 0 | w2 w3 w2 w3 w2 w3 0 0.
constexpr int kGroup = 32;
// Bytes r0 g0 b0 r1 g1 b1 ... -> 16-bit r0 r1 g0 g1 b0 b1 0 0 | r2 r3 g2 g3 b2 b3 0 0.
[[maybe_unused]] alignas(32) constexpr uint8_t kSpread[32] = {0,   255, 3,   255, 1,   255, 4,   255, 2,   255, 5,
                                                              255, 255, 255, 255, 255, 6,   255, 9,   255, 7,   255,
                                                              10,  255, 8,   255, 11,  255, 255, 255, 255, 255};

}  // namespace
}  // namespace fsfm::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

void horizontal(const uint8_t* in, uint8_t* out, int out_width, const ResizeAxis& axis, const int16_t* packed) {
  for (int x = 0; x < out_width; ++x, packed += axis.taps * 8) {
    const uint8_t* pixel = in + static_cast<int64_t>(axis.first[x]) * 3;
    int32_t r = 0, g = 0, b = 0;
    for (int t = 0; t < axis.count[x]; ++t, pixel += 3) {
      const int16_t* group = packed + t / 4 * kGroup + t % 4 / 2 * 8 + t % 2;
      const int32_t weight = whole(group[0], group[16]);
      r += pixel[0] * weight;
      g += pixel[1] * weight;
      b += pixel[2] * weight;
    }
    *out++ = round_to_byte(r);
    *out++ = round_to_byte(g);
    *out++ = round_to_byte(b);
  }
}

void vertical(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* packed, int count) {
  for (int64_t x = 0; x < row_bytes; ++x) out[x] = blend(in + x, row_bytes, packed, count);
}

#else

template <class V>
HWY_INLINE V finish(V high, V low) {
  const hn::DFromV<V> d;
  return hn::ShiftRight<kResizeBits>(hn::Add(hn::Add(hn::ShiftLeft<kSplitBits>(high), low), hn::Set(d, kHalf)));
}

// Sums of products of pairs. Where a processor adds the pairs later, what is missing waits in `rest`.
template <class D32>
struct PairSums {
  hn::Vec<D32> sums, rest;

  PairSums() : sums(hn::Zero(D32())), rest(sums) {}
  template <class V16>
  HWY_INLINE void add(V16 values, V16 weights) {
    sums = hn::ReorderWidenMulAccumulate(D32(), values, weights, sums, rest);
  }
  HWY_INLINE hn::Vec<D32> total() const { return hn::RearrangeToOddPlusEven(sums, rest); }
};

// Red, green, blue, nothing: the sum of the blocks of 16 bytes.
using Int4 = hn::CappedTag<int32_t, 4>;
HWY_INLINE hn::Vec<Int4> fold(hn::Vec<Int4> v) { return v; }
#if HWY_MAX_BYTES > 16
HWY_INLINE hn::Vec<Int4> fold(hn::Vec<hn::CappedTag<int32_t, 8> > v) {
  return hn::Add(hn::LowerHalf(Int4(), v), hn::UpperHalf(Int4(), v));
}
#endif

void horizontal(const uint8_t* in, uint8_t* out, int out_width, const ResizeAxis& axis, const int16_t* packed) {
  // A group of four taps is 32 bytes: one vector, or two of 16.
  const hn::CappedTag<uint8_t, 32> d8;
  const hn::Repartition<int16_t, decltype(d8)> d16;
  using Sums = PairSums<hn::Repartition<int32_t, hn::CappedTag<uint8_t, 32> > >;
  constexpr int kParts = 32 / hn::MaxLanes(d8), kStep = 16 / kParts;
  const int64_t step = static_cast<int64_t>(axis.taps) * 8;
  for (int x = 0; x < out_width; ++x, out += 3) {
    const uint8_t* pixel = in + static_cast<int64_t>(axis.first[x]) * 3;
    const int16_t* weight = packed + x * step;
    Sums high, low;
    for (int t = 0; t < axis.count[x]; t += 4, pixel += 12, weight += kGroup) {
      const auto bytes = hn::LoadDup128(d8, pixel);
      for (int part = 0; part < kParts; ++part) {
        const auto spread = hn::Load(d8, kSpread + part * 2 * kStep);
        const auto values = hn::BitCast(d16, hn::TableLookupBytesOr0(bytes, spread));
        high.add(values, hn::LoadU(d16, weight + part * kStep));
        low.add(values, hn::LoadU(d16, weight + 16 + part * kStep));
      }
    }
    const Int4 d4;
    const hn::Rebind<uint8_t, decltype(d4)> bytes4;
    uint8_t rgb[4];
    hn::StoreU(hn::DemoteTo(bytes4, finish(fold(high.total()), fold(low.total()))), bytes4, rgb);
    // The fourth byte is overwritten by the next pixel.
    std::memcpy(out, rgb, x + 1 < out_width ? 4 : 3);
  }
}

// The low bytes of signed 16-bit lanes, held to 0..255, block by block of 16 bytes: those of a, then those of b.
template <class D8, class V16>
HWY_INLINE hn::Vec<D8> pack_bytes(D8 d8, V16 a, V16 b) {
#if HWY_TARGET == HWY_SSE4
  (void)d8;
  return hn::Vec<D8>{_mm_packus_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  (void)d8;
  return hn::Vec<D8>{_mm256_packus_epi16(a.raw, b.raw)};
#elif HWY_ARCH_X86 && HWY_TARGET < HWY_AVX2
  (void)d8;
  return hn::Vec<D8>{_mm512_packus_epi16(a.raw, b.raw)};
#else
  const hn::Half<D8> half;  // vectors of 16 bytes
  return hn::Combine(d8, hn::DemoteTo(half, b), hn::DemoteTo(half, a));
#endif
}

void vertical(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* packed, int count) {
  const hn::ScalableTag<uint8_t> d8;
  const hn::Repartition<int16_t, decltype(d8)> d16;
  using D32 = hn::Repartition<int32_t, hn::ScalableTag<uint8_t> >;
  const D32 d32;
  constexpr int64_t kStep = HWY_LANES(uint8_t);
  if (row_bytes < kStep) {
    for (int64_t x = 0; x < row_bytes; ++x) out[x] = blend(in + x, row_bytes, packed, count);
    return;
  }
  const auto zero = hn::Zero(d8);
  for (int64_t x = 0; x < row_bytes; x += kStep) {
    // The last block overlaps the one before instead of leaving the row.
    x = x < row_bytes - kStep ? x : row_bytes - kStep;
    PairSums<D32> high[4], low[4];
    for (int t = 0; t < count; t += 2) {
      const uint8_t* row = in + t * row_bytes + x;
      const auto a = hn::LoadU(d8, row);
      // An odd last row has no partner: its weight is 0, and the row below may not exist.
      const auto b = t + 1 < count ? hn::LoadU(d8, row + row_bytes) : zero;
      const auto weight_high = hn::BitCast(d16, hn::Set(d32, packed[t]));
      const auto weight_low = hn::BitCast(d16, hn::Set(d32, packed[t + 1]));
      const auto ab0 = hn::InterleaveLower(d8, a, b), ab1 = hn::InterleaveUpper(d8, a, b);
      const hn::Vec<decltype(d16)> pairs[4] = {
          hn::BitCast(d16, hn::InterleaveLower(d8, ab0, zero)), hn::BitCast(d16, hn::InterleaveUpper(d8, ab0, zero)),
          hn::BitCast(d16, hn::InterleaveLower(d8, ab1, zero)), hn::BitCast(d16, hn::InterleaveUpper(d8, ab1, zero))};
      for (int k = 0; k < 4; ++k) {
        high[k].add(pairs[k], weight_high);
        low[k].add(pairs[k], weight_low);
      }
    }
    // Narrowing works block by block just as interleaving did, so the bytes are back in order.
    const auto part = [&](int k) HWY_ATTR __attribute__((always_inline)) {
      return finish(high[k].total(), low[k].total());
    };
    const auto first = hn::ReorderDemote2To(d16, part(0), part(1)),
               second = hn::ReorderDemote2To(d16, part(2), part(3));
    hn::StoreU(pack_bytes(d8, first, second), d8, out + x);
  }
}

#endif

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(horizontal);
HWY_EXPORT(vertical);
}  // namespace

std::vector<int16_t> pack_for_rows(const ResizeAxis& axis) {
  std::vector<int16_t> packed(axis.weight.size() * 8, 0);
  for (size_t group = 0; group < axis.weight.size() / 4; ++group) {
    const int32_t* w = axis.weight.data() + group * 4;
    int16_t* out = packed.data() + group * kGroup;
    for (int half = 0; half < 2; ++half)
      for (int channel = 0; channel < 3; ++channel)
        for (int t = 0; t < 2; ++t) {
          out[half * 8 + channel * 2 + t] = high_part(w[half * 2 + t]);
          out[16 + half * 8 + channel * 2 + t] = low_part(w[half * 2 + t]);
        }
  }
  return packed;
}

std::vector<int32_t> pack_for_columns(const ResizeAxis& axis) {
  std::vector<int32_t> packed(axis.weight.size());
  for (size_t i = 0; i < axis.weight.size(); i += 2) {
    packed[i] = pair(high_part(axis.weight[i]), high_part(axis.weight[i + 1]));
    packed[i + 1] = pair(low_part(axis.weight[i]), low_part(axis.weight[i + 1]));
  }
  return packed;
}

void resize_row(const uint8_t* in, uint8_t* out, int out_width, const ResizeAxis& axis, const int16_t* packed) {
  HWY_DYNAMIC_DISPATCH(horizontal)(in, out, out_width, axis, packed);
}
void blend_rows(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* packed, int count) {
  HWY_DYNAMIC_DISPATCH(vertical)(in, row_bytes, out, packed, count);
}

}  // namespace fsfm::kernels
#endif
