// The inner loops of resize(), once plain and once for AVX2. Internal to media/.
#pragma once

#include <cstdint>
#include <vector>

namespace fsfm::resize_detail {

inline constexpr int kPrecisionBits = 22;  // 32 - 8 bits of pixel - 2 bits of headroom for negative lobes
// The AVX2 path multiplies 16-bit numbers, so it splits a weight w into high * 2^kSplitBits + low; the sums stay exact.
inline constexpr int kSplitBits = 11;

// Weights of one axis: output i is the sum over t < count[i] of weight[i * taps + t] * input[first[i] + t]. Weights
// beyond count[i] are 0; `taps` is a multiple of 4.
struct Axis {
  int taps = 0;
  std::vector<int> first, count;
  std::vector<int32_t> weight;
};

inline uint8_t round_to_byte(int32_t sum) {
  const int32_t value = sum >> kPrecisionBits;  // `sum` already holds the rounding half
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// One row of RGB pixels -> out_width pixels.
void horizontal_plain(const uint8_t* in, uint8_t* out, int out_width, const Axis& axis);
// `count` consecutive rows of `row_bytes` bytes, weighted into one.
void vertical_plain(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* weight, int count);

// The same for a CPU with AVX2, on weights packed beforehand.
std::vector<int16_t> pack_avx2(const Axis& axis);
// Reads up to kOverread bytes past the last pixel of `in`.
inline constexpr int kOverread = 32;
void horizontal_avx2(const uint8_t* in, uint8_t* out, int out_width, const Axis& axis, const int16_t* packed);
std::vector<int32_t> pack_pairs_avx2(const Axis& axis);
// `packed` points at output's weights (offset output * taps); row_bytes >= 32.
void vertical_avx2(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* packed, int count);

}  // namespace fsfm::resize_detail
