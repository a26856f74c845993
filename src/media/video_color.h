// A decoded frame as people see it: upright, with square pixels, in 8-bit sRGB.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "media/av.h"
#include "media/image.h"

namespace fsfm {

// How a player turns stored frames: x' = a x + c y, y' = b x + d y, each letter -1, 0 or 1 (y points down).
struct Orientation {
  int a = 1, b = 0, c = 0, d = 1;
  bool swaps() const { return a == 0; }
  bool operator==(const Orientation&) const = default;
};
// The nearest of the 8 turns and mirrorings; a matrix of any other angle, or of zeros, turns nothing.
Orientation orientation_of(const std::array<int32_t, 9>& display_matrix);

// Not thread-safe. Each frame is converted by its own size, pixel format, matrix, range and transfer, so that a stream
// may change them; what was set up for the last frame is used again.
class FrameConverter {
 public:
  // Why this frame cannot be shown ("" if it can): a colour space nobody here knows, too many pixels.
  static std::string problem(const AVFrame& frame, AVRational pixel_shape);
  struct Size {
    int width, height;
  };
  static Size shown_size(const AVFrame& frame, AVRational pixel_shape, const Orientation& turn);
  // `pixel_shape`: width to height of a pixel; 0 = square. Throws Error.
  Image convert(const AVFrame& frame, AVRational pixel_shape, const Orientation& turn);

 private:
  const AVFrame& scale(const AVFrame& frame, int width, AVPixelFormat format);
  struct Setting {
    int width = 0, height = 0, format = -1, matrix = 0, full_range = 0, to_width = 0, to_format = -1;
    bool operator==(const Setting&) const = default;
  };
  Setting setting_;
  av::Scaler scaler_;
  av::Frame scaled_, narrowed_;
};

}  // namespace fsfm
