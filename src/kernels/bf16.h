// bfloat16: the upper half of a float. Conversions of one value and of arrays.
#pragma once

#include <bit>
#include <cstdint>

namespace fsfm {

struct Bf16 {
  uint16_t bits;
};

inline float to_float(Bf16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }
// Rounds to nearest, ties to even; a NaN becomes the quiet NaN.
inline Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  return {static_cast<uint16_t>(x == x ? (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16 : 0x7FC0u)};
}

namespace kernels {

// `count` values, the same on every instruction set. The arrays need no alignment and must not overlap. Thread-safe.
void convert(const float* x, Bf16* y, int64_t count);
void convert(const Bf16* x, float* y, int64_t count);

}  // namespace kernels
}  // namespace fsfm
