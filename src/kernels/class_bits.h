// Which classes occur in each pixel column of a band of a parsing map: the inner loop of make_region_map.
#pragma once

#include <cstdint>

namespace fsfm::kernels {

// rows: [count * width] class indices. Sets low[x] to the OR of 1 << c over the column for classes 0..7 and high[x] for
// classes 8..15 (shifted down by 8). Returns the largest class seen; the bits mean nothing when it is above 15. No
// alignment needed, no overlap. Thread-safe.
uint8_t or_class_bits(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high);

}  // namespace fsfm::kernels
