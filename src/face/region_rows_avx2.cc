#include <immintrin.h>

#include "face/region_rows.h"

namespace fsfm {

// 1 << c is a 16-entry table, which is what a byte shuffle looks up: two shuffles label 32 pixels.
uint8_t or_class_bits_avx2(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high) {
  const __m256i low_table = _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0));
  const __m256i high_table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, -128));
  __m256i largest = _mm256_setzero_si256();
  int x = 0;
  for (; x + 32 <= width; x += 32) {
    __m256i low_bits = _mm256_setzero_si256(), high_bits = low_bits;
    const uint8_t* pixel = rows + x;
    for (int y = 0; y < count; ++y, pixel += width) {
      // Maps stream in from memory; the next band is asked for while this one is counted.
      _mm_prefetch(reinterpret_cast<const char*>(pixel + count * width), _MM_HINT_T0);
      const __m256i c = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pixel));
      low_bits = _mm256_or_si256(low_bits, _mm256_shuffle_epi8(low_table, c));
      high_bits = _mm256_or_si256(high_bits, _mm256_shuffle_epi8(high_table, c));
      largest = _mm256_max_epu8(largest, c);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(low + x), low_bits);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(high + x), high_bits);
  }
  uint8_t lanes[32], result = 0;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), largest);
  for (const uint8_t lane : lanes) result = lane > result ? lane : result;
  for (; x < width; ++x) {
    unsigned bits = 0;
    for (int y = 0; y < count; ++y) {
      const uint8_t c = rows[static_cast<long>(y) * width + x];
      bits |= 1u << (c & 15);
      result = c > result ? c : result;
    }
    low[x] = static_cast<uint8_t>(bits);
    high[x] = static_cast<uint8_t>(bits >> 8);
  }
  return result;
}

}  // namespace fsfm
