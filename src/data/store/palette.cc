#include "data/store/palette.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/dataset.h"
#include "face/region_map.h"
#include "media/codec.h"
#include "media/resize.h"

namespace fsfm {

std::vector<std::byte> encode_parsing_png(std::span<const uint8_t> map) {
  std::array<uint8_t, kFaceClasses * 3> palette;
  for (size_t c = 0; c < kFaceClasses; ++c)
    std::copy(kFaceClassColors[c].begin(), kFaceClassColors[c].end(), palette.begin() + static_cast<int64_t>(3 * c));
  return encode_palette_png(map, kParsingSide, kParsingSide, palette);
}

std::vector<uint8_t> decode_parsing_png(std::span<const std::byte> png, const std::string& name_for_errors) {
  int width = 0, height = 0;
  std::vector<uint8_t> map = decode_palette_png(png, name_for_errors, width, height);
  if (!std::all_of(map.begin(), map.end(), [](uint8_t c) { return c < kFaceClasses; }))
    throw Error(name_for_errors + " holds a class above 10",
                "it is no parsing map of this program: prepare the dataset again");
  if (width == kParsingSide && height == kParsingSide) return map;
  return resize_nearest(map, width, height, kParsingSide, kParsingSide);
}

}  // namespace fsfm
