#include "media/codec.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "media/codec_formats.h"

namespace fsfm {
namespace codec_detail {
namespace {

// The longest side of a JPEG. A strip of few pixels and any length is a small file, and resizing it to a square is not.
constexpr int64_t kLongestSide = 65'500;

}  // namespace

void Source::check_size(int64_t width, int64_t height) const {
  if (width < 1 || height < 1)
    damaged("a picture of " + std::to_string(width) + "x" + std::to_string(height) + " pixels");
  if (width > limits.max_pixels / height)
    throw Error(name + " is too large: " + std::to_string(width) + "x" + std::to_string(height) +
                    " pixels, the limit is " + with_thousands(limits.max_pixels),
                "shrink the picture first");
  if (width > kLongestSide || height > kLongestSide)
    throw Error(name + " is too large: " + std::to_string(width) + "x" + std::to_string(height) +
                    " pixels, no side may exceed " + with_thousands(kLongestSide),
                "cut or shrink the picture first");
}

void Source::truncated() const { throw Error(name + " is truncated", "copy or download the file again"); }
void Source::damaged(const std::string& detail) const {
  throw Error(name + " is damaged: " + detail, "copy or download the file again");
}
void Source::unsupported(const std::string& what) const {
  throw Error(name + " is " + what, "convert it to PNG or JPEG");
}

int exif_orientation(Bytes tiff) {
  const auto* data = reinterpret_cast<const uint8_t*>(tiff.data());
  if (tiff.size() < 8) return 1;
  const bool little = data[0] == 'I';
  const auto u16 = [&](size_t at) { return little ? data[at] | data[at + 1] << 8 : data[at] << 8 | data[at + 1]; };
  const auto u32 = [&](size_t at) {
    return little ? static_cast<uint32_t>(u16(at)) | static_cast<uint32_t>(u16(at + 2)) << 16
                  : static_cast<uint32_t>(u16(at)) << 16 | static_cast<uint32_t>(u16(at + 2));
  };
  if (u16(2) != 42) return 1;
  const size_t ifd = u32(4);
  if (ifd > tiff.size() - 2 || ifd < 8) return 1;
  const int entries = u16(ifd);
  for (int i = 0; i < entries; ++i) {
    const size_t at = ifd + 2 + static_cast<size_t>(i) * 12;
    if (at + 12 > tiff.size()) return 1;
    constexpr int kOrientationTag = 0x0112;
    if (u16(at) == kOrientationTag) {
      const int value = u16(at + 8);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool turned = orientation >= 5;
  const int w = image.width, h = image.height;
  Image out(turned ? h : w, turned ? w : h);
  for (int y = 0; y < out.height; ++y)
    for (int x = 0; x < out.width; ++x) {
      int sx = turned ? y : x, sy = turned ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = w - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) sy = h - 1 - sy;
      std::copy_n(image.row(sy) + sx * 3, 3, out.row(y) + x * 3);
    }
  return out;
}

Image flatten(std::span<const uint8_t> rgba, int width, int height) {
  Image image(width, height);
  const uint8_t* in = rgba.data();
  for (size_t i = 0; i < image.rgb.size(); i += 3, in += 4)
    for (int c = 0; c < 3; ++c) image.rgb[i + c] = over_white(in[c], in[3]);
  return image;
}

}  // namespace codec_detail

namespace {

using codec_detail::Source;

struct Format {
  std::string_view magic;
  size_t offset;
  Image (*decode)(const Source&);
};

using namespace std::string_view_literals;
constexpr Format kFormats[] = {
    {"\xFF\xD8\xFF"sv, 0, codec_detail::decode_jpeg},
    {"\x89PNG\r\n\x1A\n"sv, 0, codec_detail::decode_png},
    {"WEBPVP8"sv, 8, codec_detail::decode_webp},
    {"II*\0"sv, 0, codec_detail::decode_tiff},
    {"MM\0*"sv, 0, codec_detail::decode_tiff},
    {"BM"sv, 0, codec_detail::decode_bmp},
    {"P2"sv, 0, codec_detail::decode_pnm},
    {"P3"sv, 0, codec_detail::decode_pnm},
    {"P5"sv, 0, codec_detail::decode_pnm},
    {"P6"sv, 0, codec_detail::decode_pnm},
};

}  // namespace

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeLimits& limits) {
  const Source source{bytes, name, limits};
  if (bytes.empty()) throw Error(name + " is empty", "copy or download the file again");
  if (static_cast<int64_t>(bytes.size()) > limits.max_bytes)
    throw Error(name + " is too large: " + format_bytes(static_cast<double>(bytes.size())) + ", the limit is " +
                    format_bytes(static_cast<double>(limits.max_bytes)),
                "shrink the picture first");
  for (const Format& format : kFormats)
    if (bytes.size() >= format.offset + format.magic.size() &&
        std::memcmp(bytes.data() + format.offset, format.magic.data(), format.magic.size()) == 0)
      return format.decode(source);
  throw Error(name + " is not a picture fsfm can read", "give a JPEG, PNG, WebP, BMP, TIFF or PPM file");
}

Image read_image(const fs::path& path, const DecodeLimits& limits) {
  const MappedFile file(path);
  return decode_image(file.bytes(), path.string(), limits);
}

std::vector<std::byte> encode_image(const fs::path& name, const Image& image, int jpeg_quality) {
  const std::string extension = to_lower(name.extension().string());
  if (extension == ".jpg" || extension == ".jpeg") return encode_jpeg(image, jpeg_quality);
  if (extension == ".png") return encode_png(image);
  if (extension == ".webp") return codec_detail::encode_webp(image, jpeg_quality);
  throw Error("cannot write a picture as " + name.string(), "end the name in .jpg, .png or .webp");
}

void write_image(const fs::path& path, const Image& image, int jpeg_quality) {
  write_file_atomic(path, encode_image(path, image, jpeg_quality));
}

}  // namespace fsfm
