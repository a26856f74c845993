#include "media/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"
#include "kernels/resize_rows.h"

namespace fsfm {
namespace {

using kernels::ResizeAxis;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

// The three reconstruction filters, as functions of the distance in (scaled) input pixels.
double filter(Kernel kernel, double x) {
  x = std::abs(x);
  switch (kernel) {
    case Kernel::bilinear:
      return x < 1.0 ? 1.0 - x : 0.0;
    case Kernel::bicubic: {
      constexpr double a = -0.5;
      if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
      return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
    }
    case Kernel::lanczos:
      return x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
  }
  return 0.0;
}

double filter_support(Kernel kernel) {
  switch (kernel) {
    case Kernel::bilinear:
      return 1.0;
    case Kernel::bicubic:
      return 2.0;
    case Kernel::lanczos:
      return 3.0;
  }
  return 0.0;
}

// When shrinking, the filter is stretched by the scale (this is the antialiasing), then each output's weights are
// normalised in double and rounded to fixed point half away from zero, exactly as Pillow does it.
ResizeAxis make_axis(int in_size, int out_size, Kernel kernel) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double stretch = std::max(scale, 1.0);
  const double support = filter_support(kernel) * stretch;
  const int most = static_cast<int>(std::ceil(support)) * 2 + 1;
  ResizeAxis axis;
  axis.taps = (std::min(most, in_size) + 3) / 4 * 4;
  axis.first.resize(out_size);
  axis.count.resize(out_size);
  axis.weight.assign(static_cast<size_t>(out_size) * axis.taps, 0);
  std::vector<double> exact(axis.taps);
  for (int i = 0; i < out_size; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), in_size) - first;
    double sum = 0.0;
    for (int t = 0; t < count; ++t) sum += exact[t] = filter(kernel, (t + first - center + 0.5) * (1.0 / stretch));
    int32_t* weight = axis.weight.data() + static_cast<size_t>(i) * axis.taps;
    for (int t = 0; t < count; ++t) {
      const double w = (sum != 0.0 ? exact[t] / sum : exact[t]) * (1 << kernels::kResizeBits);
      weight[t] = static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
    }
    axis.first[i] = first;
    axis.count[i] = count;
  }
  return axis;
}

Image resize_width(const Image& image, int width, Kernel kernel) {
  const ResizeAxis axis = make_axis(image.width, width, kernel);
  Image out(width, image.height);
  const auto packed = kernels::pack_for_rows(axis);
  const size_t row_bytes = static_cast<size_t>(image.width) * 3;
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* in = image.row(y);
    // Near the end of the buffer the wide loads would leave it: read from a padded copy of the row.
    std::vector<uint8_t> padded;
    if (image.rgb.size() - static_cast<size_t>(y + 1) * row_bytes < kernels::kResizeOverread) {
      padded.assign(in, in + row_bytes);
      padded.resize(row_bytes + kernels::kResizeOverread);
      in = padded.data();
    }
    kernels::resize_row(in, out.row(y), width, axis, packed.data());
  }
  return out;
}

Image resize_height(const Image& image, int height, Kernel kernel) {
  const ResizeAxis axis = make_axis(image.height, height, kernel);
  const int64_t row_bytes = static_cast<int64_t>(image.width) * 3;
  Image out(image.width, height);
  const auto packed = kernels::pack_for_columns(axis);
  for (int y = 0; y < height; ++y)
    kernels::blend_rows(image.row(axis.first[y]), row_bytes, out.row(y),
                        packed.data() + static_cast<size_t>(y) * axis.taps, axis.count[y]);
  return out;
}

}  // namespace

Image resize(const Image& image, int width, int height, Kernel kernel) {
  if (image.empty()) throw Error("cannot resize an empty picture");
  if (width < 1 || height < 1)
    throw Error("cannot resize to " + std::to_string(width) + "x" + std::to_string(height),
                "both sides must be at least 1");
  if (width == image.width && height == image.height) return image;
  if (width == image.width) return resize_height(image, height, kernel);
  Image wide = resize_width(image, width, kernel);
  return height == image.height ? wide : resize_height(wide, height, kernel);
}

Image resize_shorter(const Image& image, int side, Kernel kernel) {
  if (image.empty()) throw Error("cannot resize an empty picture");
  const int shorter = std::min(image.width, image.height), longer = std::max(image.width, image.height);
  const int64_t other = static_cast<int64_t>(side) * longer / shorter;
  if (other > 1'000'000)
    throw Error(
        "a picture of " + std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels is too elongated",
        "crop it first");
  return image.width <= image.height ? resize(image, side, static_cast<int>(other), kernel)
                                     : resize(image, static_cast<int>(other), side, kernel);
}

Image center_crop(const Image& image, int side) {
  if (side < 1) throw Error("cannot crop to " + std::to_string(side) + " pixels", "the side must be at least 1");
  // std::nearbyint rounds half to even, as Python's round does.
  const auto offset = [side](int size) {
    return size >= side ? static_cast<int>(std::nearbyint((size - side) / 2.0)) : -((side - size) / 2);
  };
  const int left = offset(image.width), top = offset(image.height);
  Image out(side, side);  // black where the picture is smaller than the crop
  const int x0 = std::max(left, 0), columns = std::min(image.width - x0, side);
  for (int y = std::max(-top, 0); y < side && top + y < image.height; ++y)
    std::copy_n(image.row(top + y) + x0 * 3, static_cast<size_t>(columns) * 3, out.row(y) + std::max(-left, 0) * 3);
  return out;
}

std::vector<uint8_t> resize_nearest(std::span<const uint8_t> map, int width, int height, int out_width,
                                    int out_height) {
  if (width < 1 || height < 1 || out_width < 1 || out_height < 1 || map.size() != static_cast<size_t>(width) * height)
    throw Error("a class map of " + std::to_string(map.size()) + " values is not " + std::to_string(width) + "x" +
                std::to_string(height));
  const auto source = [](int i, int in, int out) { return static_cast<int>((2ll * i + 1) * in / (2ll * out)); };
  std::vector<int> columns(out_width);
  for (int x = 0; x < out_width; ++x) columns[x] = source(x, width, out_width);
  std::vector<uint8_t> out(static_cast<size_t>(out_width) * out_height);
  for (int y = 0; y < out_height; ++y) {
    const uint8_t* in = map.data() + static_cast<size_t>(source(y, height, out_height)) * width;
    uint8_t* row = out.data() + static_cast<size_t>(y) * out_width;
    for (int x = 0; x < out_width; ++x) row[x] = in[columns[x]];
  }
  return out;
}

}  // namespace fsfm
