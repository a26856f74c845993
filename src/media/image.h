// An 8-bit RGB picture in memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fsfm {

// Pixel rectangle; right/bottom exclusive.
struct Rect {
  int left = 0, top = 0, width = 0, height = 0;
  int right() const { return left + width; }
  int bottom() const { return top + height; }
  bool operator==(const Rect&) const = default;
};

// RGB, row-major, interleaved (HWC), no padding. A value: copies copy the pixels.
struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // [height * width * 3]

  Image() = default;
  Image(int w, int h, uint8_t fill = 0) : width(w), height(h), rgb(static_cast<size_t>(w) * h * 3, fill) {}
  bool empty() const { return rgb.empty(); }
  uint8_t* row(int y) { return rgb.data() + static_cast<size_t>(y) * width * 3; }
  const uint8_t* row(int y) const { return rgb.data() + static_cast<size_t>(y) * width * 3; }
};

// The part of `image` inside `rect`, which must lie within the picture (throws Error otherwise).
Image crop(const Image& image, const Rect& rect);

}  // namespace fsfm
