#include "data/augment/geometry.h"

#include <algorithm>
#include <cmath>

#include "media/resize.h"

namespace fsfm {

Rect random_crop_rect(int width, int height, double min_area, Rng& rng) {
  constexpr double kMinRatio = 3.0 / 4, kMaxRatio = 4.0 / 3;
  const double area = static_cast<double>(width) * height;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * rng.uniform(min_area, 1.0),
                 ratio = std::exp(rng.uniform(std::log(kMinRatio), std::log(kMaxRatio)));
    const int w = static_cast<int>(std::lround(std::sqrt(target * ratio))),
              h = static_cast<int>(std::lround(std::sqrt(target / ratio)));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return {static_cast<int>(rng.below(static_cast<uint32_t>(width - w + 1))),
            static_cast<int>(rng.below(static_cast<uint32_t>(height - h + 1))), w, h};
  }
  const int w = std::max(1, std::min(width, static_cast<int>(std::lround(height * kMaxRatio))));
  const int h = std::max(1, std::min(height, static_cast<int>(std::lround(width / kMinRatio))));
  return {(width - w) / 2, (height - h) / 2, w, h};
}

Image random_resized_crop(const Image& image, int side, double min_area, Rng& rng) {
  return resize(crop(image, random_crop_rect(image.width, image.height, min_area, rng)), side, side);
}

void flip_horizontally(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    uint8_t* row = image.row(y);
    for (int left = 0, right = image.width - 1; left < right; ++left, --right)
      std::swap_ranges(row + left * 3, row + left * 3 + 3, row + right * 3);
  }
}

Image warp_affine(const Image& image, const std::array<double, 6>& m, std::array<uint8_t, 3> fill) {
  Image out(image.width, image.height);
  const auto at = [&](int x, int y, int c) {
    const bool inside = x >= 0 && y >= 0 && x < image.width && y < image.height;
    return static_cast<double>(inside ? image.row(y)[x * 3 + c] : fill[static_cast<size_t>(c)]);
  };
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      const double sx = m[0] * (x + 0.5) + m[1] * (y + 0.5) + m[2] - 0.5,
                   sy = m[3] * (x + 0.5) + m[4] * (y + 0.5) + m[5] - 0.5;
      uint8_t* pixel = out.row(y) + x * 3;
      if (!(sx > -1 && sy > -1 && sx < image.width && sy < image.height)) {
        std::copy(fill.begin(), fill.end(), pixel);
        continue;
      }
      const int x0 = static_cast<int>(std::floor(sx)), y0 = static_cast<int>(std::floor(sy));
      const double fx = sx - x0, fy = sy - y0;
      for (int c = 0; c < 3; ++c) {
        const double top = at(x0, y0, c) * (1 - fx) + at(x0 + 1, y0, c) * fx;
        const double bottom = at(x0, y0 + 1, c) * (1 - fx) + at(x0 + 1, y0 + 1, c) * fx;
        pixel[c] = static_cast<uint8_t>(std::lround(top * (1 - fy) + bottom * fy));
      }
    }
  }
  return out;
}

}  // namespace fsfm
