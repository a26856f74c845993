#include "kernels/class_bits.h"

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/class_bits.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
alignas(16) constexpr uint8_t kLowBits[16] = {1, 2, 4, 8, 16, 32, 64, 128};
alignas(16) constexpr uint8_t kHighBits[16] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128};
#endif

uint8_t or_bits(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high) {
  uint8_t result = 0;
  int x = 0;
#if HWY_TARGET != HWY_SCALAR
  // 1 << c is a table of 16 bytes, which is what a byte shuffle looks up: two shuffles label a whole vector of pixels.
  const hn::ScalableTag<uint8_t> d;
  constexpr int kStep = HWY_LANES(uint8_t);
  const auto low_table = hn::LoadDup128(d, kLowBits), high_table = hn::LoadDup128(d, kHighBits);
  auto largest = hn::Zero(d);
  for (; x + kStep <= width; x += kStep) {
    auto low_bits = hn::Zero(d), high_bits = low_bits;
    const uint8_t* pixel = rows + x;
    for (int y = 0; y < count; ++y, pixel += width) {
      // Maps stream in from memory; the next band is asked for while this one is counted.
      hwy::Prefetch(pixel + static_cast<ptrdiff_t>(count) * width);
      const auto c = hn::LoadU(d, pixel);
      low_bits = hn::Or(low_bits, hn::TableLookupBytes(low_table, c));
      high_bits = hn::Or(high_bits, hn::TableLookupBytes(high_table, c));
      largest = hn::Max(largest, c);
    }
    hn::StoreU(low_bits, d, low + x);
    hn::StoreU(high_bits, d, high + x);
  }
  uint8_t lanes[kStep];
  hn::StoreU(largest, d, lanes);
  for (const uint8_t lane : lanes) result = lane > result ? lane : result;
#endif
  for (; x < width; ++x) {
    unsigned bits = 0;
    for (int y = 0; y < count; ++y) {
      const uint8_t c = rows[static_cast<ptrdiff_t>(y) * width + x];
      bits |= 1u << (c & 15);
      result = c > result ? c : result;
    }
    low[x] = static_cast<uint8_t>(bits);
    high[x] = static_cast<uint8_t>(bits >> 8);
  }
  return result;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(or_bits);
}

uint8_t or_class_bits(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high) {
  return HWY_DYNAMIC_DISPATCH(or_bits)(rows, width, count, low, high);
}

}  // namespace fsfm::kernels
#endif
