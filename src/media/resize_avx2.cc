#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "media/resize_kernels.h"

// Exactness: vpmaddwd multiplies signed 16-bit numbers and adds pairs into 32 bits. A 22-bit weight is split into
// high * 2^11 + low with 0 <= low < 2^11; both halves fit 16 bits, and (sum_high << 11) + sum_low equals the plain
// 32-bit sum modulo 2^32, so every output byte is the plain path's.
namespace fsfm::resize_detail {
namespace {

int16_t high_part(int32_t weight) { return static_cast<int16_t>(weight >> kSplitBits); }
int16_t low_part(int32_t weight) { return static_cast<int16_t>(weight & ((1 << kSplitBits) - 1)); }

// The 32-bit lane that vpmaddwd reads as (a, b).
int32_t pair(int16_t a, int16_t b) {
  return static_cast<int32_t>(static_cast<uint16_t>(a) | static_cast<uint32_t>(static_cast<uint16_t>(b)) << 16);
}

__m256i finish(__m256i high, __m256i low) {
  const __m256i half = _mm256_set1_epi32(1 << (kPrecisionBits - 1));
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(_mm256_slli_epi32(high, kSplitBits), low), half);
  return _mm256_srai_epi32(sum, kPrecisionBits);
}

}  // namespace

// Per output and group of four taps: 16 high halves, then 16 low ones, in the lane order of the shuffle below:
// w0 w1 (red) w0 w1 (green) w0 w1 (blue) 0 0 | w2 w3 w2 w3 w2 w3 0 0.
std::vector<int16_t> pack_avx2(const Axis& axis) {
  std::vector<int16_t> packed(axis.weight.size() * 8, 0);
  for (size_t group = 0; group < axis.weight.size() / 4; ++group) {
    const int32_t* w = axis.weight.data() + group * 4;
    int16_t* out = packed.data() + group * 32;
    for (int half = 0; half < 2; ++half)
      for (int channel = 0; channel < 3; ++channel)
        for (int t = 0; t < 2; ++t) {
          out[half * 8 + channel * 2 + t] = high_part(w[half * 2 + t]);
          out[16 + half * 8 + channel * 2 + t] = low_part(w[half * 2 + t]);
        }
  }
  return packed;
}

void horizontal_avx2(const uint8_t* in, uint8_t* out, int out_width, const Axis& axis, const int16_t* packed) {
  // Bytes r0 g0 b0 r1 g1 b1 ... -> 16-bit r0 r1 g0 g1 b0 b1 0 0 | r2 r3 g2 g3 b2 b3 0 0.
  const __m256i spread = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,  //
                                          6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
  const int64_t step = static_cast<int64_t>(axis.taps) * 8;
  for (int x = 0; x < out_width; ++x) {
    const uint8_t* pixel = in + static_cast<int64_t>(axis.first[x]) * 3;
    const int16_t* weight = packed + x * step;
    __m256i high = _mm256_setzero_si256(), low = high;
    for (int t = 0; t < axis.count[x]; t += 4, pixel += 12, weight += 32) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixel));
      const __m256i values = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);
      high = _mm256_add_epi32(high,
                              _mm256_madd_epi16(values, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weight))));
      low = _mm256_add_epi32(
          low, _mm256_madd_epi16(values, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weight + 16))));
    }
    const __m128i high4 = _mm_add_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    const __m128i low4 = _mm_add_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    __m128i sum = _mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(high4, kSplitBits), low4),
                                _mm_set1_epi32(1 << (kPrecisionBits - 1)));
    sum = _mm_srai_epi32(sum, kPrecisionBits);
    sum = _mm_packus_epi16(_mm_packs_epi32(sum, sum), sum);
    const int32_t rgb = _mm_cvtsi128_si32(sum);
    if (x + 1 < out_width) {
      std::memcpy(out, &rgb, 4);  // the fourth byte is overwritten by the next pixel
    } else {
      std::memcpy(out, &rgb, 3);
    }
    out += 3;
  }
}

std::vector<int32_t> pack_pairs_avx2(const Axis& axis) {
  std::vector<int32_t> packed(axis.weight.size());
  for (size_t i = 0; i < axis.weight.size(); i += 2) {
    packed[i] = pair(high_part(axis.weight[i]), high_part(axis.weight[i + 1]));
    packed[i + 1] = pair(low_part(axis.weight[i]), low_part(axis.weight[i + 1]));
  }
  return packed;
}

void vertical_avx2(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* packed, int count) {
  const __m256i zero = _mm256_setzero_si256();
  for (int64_t x = 0; x < row_bytes; x += 32) {
    x = std::min(x, row_bytes - 32);  // the last block overlaps the one before instead of leaving the row
    __m256i high[4] = {zero, zero, zero, zero}, low[4] = {zero, zero, zero, zero};
    for (int t = 0; t < count; t += 2) {
      const uint8_t* row = in + t * row_bytes + x;
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
      // An odd last row has no partner: its weight is 0, and the row below may not exist.
      const __m256i b = t + 1 < count ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + row_bytes)) : zero;
      const __m256i weight_high = _mm256_set1_epi32(packed[t]), weight_low = _mm256_set1_epi32(packed[t + 1]);
      const __m256i ab0 = _mm256_unpacklo_epi8(a, b), ab1 = _mm256_unpackhi_epi8(a, b);
      const __m256i pairs[4] = {_mm256_unpacklo_epi8(ab0, zero), _mm256_unpackhi_epi8(ab0, zero),
                                _mm256_unpacklo_epi8(ab1, zero), _mm256_unpackhi_epi8(ab1, zero)};
      for (int k = 0; k < 4; ++k) {
        high[k] = _mm256_add_epi32(high[k], _mm256_madd_epi16(pairs[k], weight_high));
        low[k] = _mm256_add_epi32(low[k], _mm256_madd_epi16(pairs[k], weight_low));
      }
    }
    // Packing narrows within 128-bit halves just as unpacking widened, so the bytes are back in order.
    const __m256i first = _mm256_packs_epi32(finish(high[0], low[0]), finish(high[1], low[1]));
    const __m256i second = _mm256_packs_epi32(finish(high[2], low[2]), finish(high[3], low[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), _mm256_packus_epi16(first, second));
  }
}

}  // namespace fsfm::resize_detail
