#include "face/parsing_overlay.h"

#include <algorithm>
#include <vector>

#include "face/region_map.h"
#include "media/resize.h"

namespace fsfm {

Image parsing_overlay(const Image& face, std::span<const uint8_t> classes, int width, int height) {
  constexpr int kColour = 62, kLine = 70;  // percent
  const std::vector<uint8_t> map = resize_nearest(classes, width, height, face.width, face.height);
  const auto class_at = [&](int x, int y) { return map[static_cast<size_t>(y) * face.width + x]; };
  const auto mix = [](uint8_t from, uint8_t to, int percent) {
    return static_cast<uint8_t>((from * (100 - percent) + to * percent) / 100);
  };
  Image out = face;
  for (int y = 0; y < face.height; ++y) {
    for (int x = 0; x < face.width; ++x) {
      uint8_t* pixel = out.row(y) + 3 * x;
      const auto luma = static_cast<uint8_t>((77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) >> 8);
      const uint8_t own = class_at(x, y);
      const bool line = (x > 0 && class_at(x - 1, y) != own) || (y > 0 && class_at(x, y - 1) != own);
      for (int c = 0; c < 3; ++c) {
        pixel[c] = own < kFaceClasses ? mix(luma, kFaceClassColors[own][static_cast<size_t>(c)], kColour) : luma;
        if (line) pixel[c] = mix(pixel[c], 255, kLine);
      }
    }
  }
  return out;
}

}  // namespace fsfm
