// The layers of a small separable convolutional network, read from an ONNX file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <vector>

namespace fsfm::separable {

constexpr int kBorder = 2;  // pixels of zeros around every picture: what a 5 x 5 window looks beyond the edge

// A picture between layers, [side + 2 * kBorder, side + 2 * kBorder, channels].
struct Plane {
  int side, channels;

  ptrdiff_t row() const { return static_cast<ptrdiff_t>(side + 2 * kBorder) * channels; }
  size_t size() const { return static_cast<size_t>(side + 2 * kBorder) * static_cast<size_t>(row()); }
  // Of the pixel (y, x), which may lie in the border.
  ptrdiff_t at(int y, int x) const { return (y + kBorder) * row() + static_cast<ptrdiff_t>(x + kBorder) * channels; }
};

// One convolution of windows (full or depthwise, or none) and one of pixels after it.
struct Layer {
  enum class Window { none, depthwise, full };

  size_t source = 0, target = 0;  // planes
  Window window = Window::none;
  int kernel = 1, stride = 1, before = 0;  // pixels that the first window lies beyond the edge
  std::vector<float> taps;                 // depthwise: [kernel * kernel, period]
  std::vector<float> weights, bias;        // of the pixels: [inputs, padded outputs], [padded outputs]
  int inputs = 0;                          // of the pixels' convolution: its depth
  std::optional<size_t> skip;              // plane that is added
  bool pooled = false;                     // its 2 x 2 maxima are
  bool relu = false;
};

// In the order of computation. Immutable once read.
struct Plan {
  std::vector<Plane> planes;  // the first is the picture, of three channels
  std::vector<Layer> layers;
  std::vector<size_t> outputs;  // planes, in the order of the file
  std::vector<size_t> buffers;  // of each plane: those of one shape take turns, so that fewer lie in the caches
};

// For pictures of side x side. Throws Error naming the file for a network with other parts than depthwise and pointwise
// convolutions, additions, ReLU and pooling of 2 x 2 pixels.
Plan read_plan(const std::filesystem::path& onnx, int side);

}  // namespace fsfm::separable
