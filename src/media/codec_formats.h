// One decoder a picture format, on bytes in memory. Internal to media/.
//
// The image libraries are used directly, for three reasons: sizes are checked before pixels are allocated, a truncated
// file is an Error rather than a grey area, and nothing is printed to stderr behind the caller's back (HEIC's decoders
// aside).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "media/codec.h"

namespace fsfm::codec_detail {

using Bytes = std::span<const std::byte>;

// What a decoder is told about its input, and the three ways in which it gives up.
struct Source {
  Bytes bytes;
  const std::string& name;
  const DecodeLimits& limits;
  std::string* note = nullptr;                // of the Picture that is being read
  std::vector<std::byte>* profile = nullptr;  // ICC profile of the pixels, where they are not inks

  const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(bytes.data()); }
  size_t size() const { return bytes.size(); }
  // Throws Error unless 1 <= width * height <= limits.max_pixels and no side is longer than a JPEG's may be. To be
  // called before pixels are allocated.
  void check_size(int64_t width, int64_t height) const;
  // The profile that the file carries; what is no profile does no harm.
  void has_profile(const void* data, size_t size) const;
  // Leaves a word for the reader of the result.
  void say(const std::string& text) const;
  [[noreturn]] void truncated() const;
  [[noreturn]] void damaged(const std::string& detail) const;
  [[noreturn]] void unsupported(const std::string& what) const;
};

// EXIF orientation is applied by each.
Image decode_jpeg(const Source& source);
Image decode_png(const Source& source);
Image decode_webp(const Source& source);
Image decode_tiff(const Source& source);
Image decode_gif(const Source& source);
Image decode_heif(const Source& source);  // HEIC, AVIF
Image decode_bmp(const Source& source);
Image decode_pnm(const Source& source);

std::vector<std::byte> encode_webp(const Image& image, int quality);

// Orientation 1..8 of an EXIF block that begins with its TIFF header; 1 when absent or damaged.
int exif_orientation(Bytes tiff);
// Turns and mirrors the pixels as EXIF orientation 1..8 says.
Image apply_orientation(Image image, int orientation);

inline uint8_t over_white(uint8_t value, uint8_t alpha) {
  return static_cast<uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}
// RGBA pixels (straight alpha) over white.
Image flatten(std::span<const uint8_t> rgba, int width, int height);
// The part of an animation's canvas that its first frame covers, on white.
Image on_canvas(Image frame, int left, int top, int width, int height);

inline constexpr const char* kProfileNotApplied = "its colour profile cannot be applied: colours may be off";
inline constexpr const char* kAnimated = "animated: its first frame was read";

}  // namespace fsfm::codec_detail
