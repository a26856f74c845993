// The inner loops of Pillow's fixed-point resize: weighted sums of neighbouring pixels, to the bit.
#pragma once

#include <cstdint>
#include <vector>

namespace fsfm::kernels {

inline constexpr int kResizeBits = 22;  // of a weight's fraction: 32 - 8 of a pixel - 2 of headroom for negative lobes

// Weights of one axis: output i is the sum over t < count[i] of weight[i * taps + t] * input[first[i] + t], in units of
// 2^-kResizeBits, rounded to nearest and held to 0..255. Weights beyond count[i] are 0; `taps` is a multiple of 4; a
// weight lies in [-4, 4).
struct ResizeAxis {
  int taps = 0;
  std::vector<int> first, count;
  std::vector<int32_t> weight;
};

// The weights as resize_row() wants them.
std::vector<int16_t> pack_for_rows(const ResizeAxis& axis);
// One row of RGB pixels -> out_width pixels. Reads up to kResizeOverread bytes past the last pixel of `in`. `packed`:
// pack_for_rows(axis). No alignment needed, no overlap. Thread-safe.
void resize_row(const uint8_t* in, uint8_t* out, int out_width, const ResizeAxis& axis, const int16_t* packed);
inline constexpr int kResizeOverread = 32;

// The weights as blend_rows() wants them: those of output i begin at i * taps.
std::vector<int32_t> pack_for_columns(const ResizeAxis& axis);
// `count` rows of `row_bytes` bytes, one after the other, weighted into one. No alignment needed, no overlap.
// Thread-safe.
void blend_rows(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* packed, int count);

}  // namespace fsfm::kernels
