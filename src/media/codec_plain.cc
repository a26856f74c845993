// BMP and the PPM family, without a library.
#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "media/codec_formats.h"

namespace fsfm::codec_detail {
namespace {

uint16_t little16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }
uint32_t little32(const uint8_t* p) { return little16(p) | static_cast<uint32_t>(little16(p + 2)) << 16; }

}  // namespace

// Uncompressed 1, 4, 8, 24 and 32 bits, either row order.
Image decode_bmp(const Source& source) {
  const uint8_t* data = source.data();
  if (source.size() < 54) source.truncated();
  const uint32_t pixels_at = little32(data + 10), header = little32(data + 14);
  if (header < 40) source.unsupported("a BMP of an ancient kind");
  const auto width = static_cast<int32_t>(little32(data + 18)),
             stored_height = static_cast<int32_t>(little32(data + 22));
  const int bits = little16(data + 28);
  const uint32_t compression = little32(data + 30);
  constexpr uint32_t kRaw = 0, kBitFields = 3;
  if (compression != kRaw && !(compression == kBitFields && bits == 32)) source.unsupported("a compressed BMP");
  // The usual masks say what a BMP without masks says: blue, green, red, and a byte to spare.
  if (compression == kBitFields && (source.size() < 66 || little32(data + 54) != 0xFF0000 ||
                                    little32(data + 58) != 0xFF00 || little32(data + 62) != 0xFF))
    source.unsupported("a BMP of unusual colour masks");
  if (bits != 1 && bits != 4 && bits != 8 && bits != 24 && bits != 32)
    source.unsupported("a BMP of " + std::to_string(bits) + " bits");
  const int64_t height = std::abs(static_cast<int64_t>(stored_height));
  source.check_size(width, height);
  const uint64_t stride = (static_cast<uint64_t>(width) * bits + 31) / 32 * 4;
  // The last row may lack its padding.
  const uint64_t needed = stride * (static_cast<uint64_t>(height) - 1) + (static_cast<uint64_t>(width) * bits + 7) / 8;
  if (pixels_at > source.size() || needed > source.size() - pixels_at) source.truncated();
  const uint64_t palette_at = 14ull + header;
  uint64_t colors = 0;
  if (bits <= 8) {
    colors = little32(data + 46) == 0 ? 1u << bits : std::min(little32(data + 46), 1u << bits);
    if (palette_at + colors * 4 > source.size()) source.truncated();
  }
  Image image(width, static_cast<int>(height));
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* in = data + pixels_at + stride * static_cast<uint64_t>(stored_height > 0 ? image.height - 1 - y : y);
    uint8_t* out = image.row(y);
    for (int x = 0; x < width; ++x, out += 3) {
      const uint8_t* bgr = in + static_cast<size_t>(x) * (bits / 8);
      if (bits <= 8) {
        const int bit = x * bits;
        const unsigned index = (in[bit / 8] >> (8 - bits - bit % 8)) & ((1u << bits) - 1);
        if (index >= colors) source.damaged("a pixel outside the palette");
        bgr = data + palette_at + index * 4;
      }
      out[0] = bgr[2];
      out[1] = bgr[1];
      out[2] = bgr[0];
    }
  }
  return image;
}

namespace {

// P1 (digits) and P4 (8 pixels a byte, rows padded to bytes), behind their header: 1 is black.
Image read_bitmap(const Source& source, size_t at, bool text, int width, int height) {
  const uint8_t* data = source.data();
  const size_t stride = text ? static_cast<size_t>(width) : (static_cast<size_t>(width) + 7) / 8;
  if (at > source.size() || stride * static_cast<size_t>(height) > source.size() - at) source.truncated();
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      while (text && at < source.size() && std::isspace(data[at])) ++at;
      if (at >= source.size()) source.truncated();
      if (text && data[at] != '0' && data[at] != '1') source.damaged("a pixel is neither 0 nor 1");
      const bool black =
          text ? data[at++] == '1'
               : data[at + static_cast<size_t>(y) * stride + static_cast<size_t>(x) / 8] >> (7 - x % 8) & 1;
      std::fill_n(image.row(y) + x * 3, 3, black ? 0 : 255);
    }
  return image;
}

}  // namespace

// P1 to P3 (text), P4 to P6 (binary; grey and RGB of 8 or 16 bits).
Image decode_pnm(const Source& source) {
  const uint8_t* data = source.data();
  size_t at = 2;
  const auto number = [&]() -> int64_t {
    while (at < source.size() && (std::isspace(data[at]) || data[at] == '#')) {
      if (data[at] == '#')
        while (at < source.size() && data[at] != '\n') ++at;
      else
        ++at;
    }
    if (at >= source.size()) source.truncated();
    int64_t value = 0;
    if (!std::isdigit(data[at])) source.damaged("a number is missing");
    for (; at < source.size() && std::isdigit(data[at]); ++at)
      if ((value = value * 10 + (data[at] - '0')) > 1'000'000'000) source.damaged("a number is too large");
    return value;
  };
  const bool bitmap = data[1] == '1' || data[1] == '4', text = data[1] < '4', color = data[1] == '3' || data[1] == '6';
  const int64_t width = number(), height = number();
  source.check_size(width, height);
  if (bitmap) return read_bitmap(source, at + 1, text, static_cast<int>(width), static_cast<int>(height));
  const int64_t largest = number();
  if (largest < 1 || largest > 65535) source.damaged("its largest value is " + std::to_string(largest));
  ++at;  // the one white space before the samples
  const int64_t samples = width * height * (color ? 3 : 1), sample_bytes = largest > 255 ? 2 : 1;
  // Text needs at least a digit and a space for each sample: a cheap check before the pixels are allocated.
  const int64_t needed = text ? samples * 2 - 1 : samples * sample_bytes;
  if (at > source.size() || static_cast<uint64_t>(needed) > source.size() - at) source.truncated();
  Image image(static_cast<int>(width), static_cast<int>(height));
  for (int64_t i = 0; i < samples; ++i) {
    int64_t value;
    if (text) {
      value = number();
    } else {
      value = sample_bytes == 2 ? data[at] << 8 | data[at + 1] : data[at];
      at += static_cast<size_t>(sample_bytes);
    }
    const auto byte = static_cast<uint8_t>(std::min(value, largest) * 255 / largest);
    if (color) {
      image.rgb[i] = byte;
    } else {
      std::fill_n(image.rgb.begin() + i * 3, 3, byte);
    }
  }
  return image;
}

}  // namespace fsfm::codec_detail
