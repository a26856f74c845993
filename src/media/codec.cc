#include "media/codec.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/content_kind.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "media/codec_formats.h"
#include "media/color_profile.h"

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
    throw Error(ErrorCode::too_large,
                name + " is too large: " + std::to_string(width) + "x" + std::to_string(height) +
                    " pixels, the limit is " + with_thousands(limits.max_pixels),
                "shrink the picture first");
  if (width > kLongestSide || height > kLongestSide)
    throw Error(ErrorCode::too_large,
                name + " is too large: " + std::to_string(width) + "x" + std::to_string(height) +
                    " pixels, no side may exceed " + with_thousands(kLongestSide),
                "cut or shrink the picture first");
}

void Source::has_profile(const void* data, size_t size) const {
  const auto* begin = static_cast<const std::byte*>(data);
  if (profile && begin) profile->assign(begin, begin + size);
}
void Source::say(const std::string& text) const {
  if (note) *note = text;
}
void Source::truncated() const {
  throw Error(ErrorCode::damaged, name + " is truncated", "copy or download the file again");
}
void Source::damaged(const std::string& detail) const {
  throw Error(ErrorCode::damaged, name + " is damaged: " + detail, "copy or download the file again");
}
void Source::unsupported(const std::string& what) const {
  throw Error(ErrorCode::unsupported, name + " is " + what, "convert it to PNG or JPEG");
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

Image on_canvas(Image frame, int left, int top, int width, int height) {
  if (left == 0 && top == 0 && frame.width == width && frame.height == height) return frame;
  Image canvas(width, height, 255);
  for (int y = 0; y < frame.height && top + y < height; ++y)
    std::copy_n(frame.row(y), 3 * std::max(0, std::min(frame.width, width - left)), canvas.row(top + y) + left * 3);
  return canvas;
}

}  // namespace codec_detail

namespace {

using codec_detail::Source;

// Copies of a file are sometimes wrapped in a line of a log or of a mail: what begins further down is worth a word.
size_t find_late_jpeg(std::span<const std::byte> bytes) {
  constexpr size_t kFar = 4096;
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kFar));
  const size_t at = start.find("\xFF\xD8\xFF");
  return at == start.npos ? 0 : at;
}

[[noreturn]] void refuse(const Source& source, ContentKind kind) {
  if (kind == ContentKind::empty)
    throw Error(ErrorCode::damaged, source.name + " is empty", "copy or download the file again");
  if (kind == ContentKind::video)
    throw Error(ErrorCode::unsupported, source.name + " is a video, not a picture",
                "take frames of it: ffmpeg -i FILE frame%04d.png");
  if (is_unread_input(kind))
    throw Error(ErrorCode::unsupported, source.name + " is " + content_name(kind) + ", which fsfm does not read",
                content_way_out(kind));
  if (kind == ContentKind::lfs_pointer)
    throw Error(ErrorCode::unsupported, source.name + " is " + content_name(kind), content_way_out(kind));
  if (kind != ContentKind::unknown)
    throw Error(ErrorCode::unsupported, source.name + " is " + content_name(kind) + ", not a picture",
                content_way_out(kind));
  if (const size_t at = find_late_jpeg(source.bytes); at > 0)
    throw Error(ErrorCode::damaged,
                source.name + " does not begin as a picture: a JPEG begins at its byte " + std::to_string(at),
                "cut off what stands before it: tail -c +" + std::to_string(at + 1) + " FILE > out.jpg");
  throw Error(ErrorCode::unsupported, source.name + " is not a picture fsfm can read",
              "give a JPEG, PNG, WebP, GIF, HEIC, AVIF, BMP, TIFF or PPM file");
}

Image decode(const Source& source) {
  switch (const ContentKind kind = content_kind(source.bytes)) {
    case ContentKind::jpeg:
      return codec_detail::decode_jpeg(source);
    case ContentKind::png:
      return codec_detail::decode_png(source);
    case ContentKind::webp:
      return codec_detail::decode_webp(source);
    case ContentKind::gif:
      return codec_detail::decode_gif(source);
    case ContentKind::heic:
    case ContentKind::avif:
      return codec_detail::decode_heif(source);
    case ContentKind::tiff:
      return codec_detail::decode_tiff(source);
    case ContentKind::bmp:
      return codec_detail::decode_bmp(source);
    case ContentKind::pnm:
      return codec_detail::decode_pnm(source);
    default:
      refuse(source, kind);
  }
}

}  // namespace

Picture decode_picture(std::span<const std::byte> bytes, const std::string& name, const DecodeLimits& limits) {
  Picture picture;
  std::vector<std::byte> profile;
  const Source source{bytes, name, limits, &picture.note, &profile};
  if (static_cast<int64_t>(bytes.size()) > limits.max_bytes)
    throw Error(ErrorCode::too_large,
                name + " is too large: " + format_bytes(static_cast<double>(bytes.size())) + ", the limit is " +
                    format_bytes(static_cast<double>(limits.max_bytes)),
                "shrink the picture first");
  picture.image = decode(source);
  if (!profile.empty() && !to_srgb(picture.image, profile))
    picture.note += std::string(picture.note.empty() ? "" : "; ") + codec_detail::kProfileNotApplied;
  return picture;
}

Picture read_picture(const fs::path& path, const DecodeLimits& limits) {
  const MappedFile file(path);
  return decode_picture(file.bytes(), path.string(), limits);
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeLimits& limits) {
  return decode_picture(bytes, name, limits).image;
}

Image read_image(const fs::path& path, const DecodeLimits& limits) { return read_picture(path, limits).image; }

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
