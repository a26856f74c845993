// The inner loop of make_region_map, once per instruction set: which classes occur in each pixel column of a band.
#pragma once

#include <cstdint>

namespace fsfm {

// rows: [count * width] class indices. Sets low[x] to the OR of 1 << c over the column for classes 0..7 and high[x] for
// classes 8..15 (shifted down by 8). Returns the largest class seen; results are meaningless when it is above 15.
uint8_t or_class_bits_plain(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high);
// Needs AVX2: reached only after a run-time check.
uint8_t or_class_bits_avx2(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high);

}  // namespace fsfm
