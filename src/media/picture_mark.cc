#include "media/picture_mark.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {
namespace {

using namespace std::string_view_literals;
constexpr std::string_view kMark = "fsfm verdict"sv;  // an even number of bytes, as WebP wants them
constexpr std::string_view kPng = "\x89PNG\r\n\x1A\n"sv, kPngText = "tEXtComment\0fsfm verdict"sv;
constexpr size_t kPngHeader = 8 + 25;  // the signature and IHDR, which is always first

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}
std::string little_endian(uint32_t value) {
  std::string text = big_endian(value);
  std::reverse(text.begin(), text.end());
  return text;
}

bool is_webp(std::string_view bytes) {
  return bytes.size() > 20 && bytes.starts_with("RIFF"sv) && bytes.substr(8, 4) == "WEBP"sv;
}

// Where a JPEG's comment belongs: behind the JFIF header, which must come first; 0 when the bytes are no JPEG.
size_t jpeg_comment_at(std::string_view bytes) {
  if (!bytes.starts_with("\xFF\xD8\xFF"sv)) return 0;
  if (bytes.size() < 6 || bytes[3] != '\xE0') return 2;
  const size_t end = 4 + (static_cast<uint8_t>(bytes[4]) << 8 | static_cast<uint8_t>(bytes[5]));
  return end <= bytes.size() ? end : 0;
}

std::string jpeg_comment() {
  return "\xFF\xFE" + big_endian(static_cast<uint32_t>(kMark.size() + 2)).substr(2) + std::string(kMark);
}
std::string webp_chunk() { return "FSFM" + little_endian(static_cast<uint32_t>(kMark.size())) + std::string(kMark); }

void insert(std::vector<std::byte>& bytes, size_t at, std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), begin, begin + text.size());
}

}  // namespace

std::vector<std::byte> with_verdict_mark(std::vector<std::byte> encoded) {
  const std::string_view bytes(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  if (bytes.starts_with(kPng) && bytes.size() > kPngHeader) {
    const auto* text = reinterpret_cast<const Bytef*>(kPngText.data());
    const auto sum = static_cast<uint32_t>(::crc32(0, text, static_cast<uInt>(kPngText.size())));
    insert(encoded, kPngHeader,
           big_endian(static_cast<uint32_t>(kPngText.size() - 4)) + std::string(kPngText) + big_endian(sum));
  } else if (const size_t at = jpeg_comment_at(bytes); at > 0) {
    insert(encoded, at, jpeg_comment());
  } else if (is_webp(bytes)) {
    insert(encoded, encoded.size(), webp_chunk());
    const std::string size = little_endian(static_cast<uint32_t>(encoded.size() - 8));
    std::transform(size.begin(), size.end(), encoded.begin() + 4, [](char c) { return static_cast<std::byte>(c); });
  }
  return encoded;
}

bool has_verdict_mark(const fs::path& file) {
  try {
    const MappedFile mapped(file);
    const std::string_view bytes(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
    if (bytes.starts_with(kPng))
      return bytes.size() > kPngHeader + 4 && bytes.substr(kPngHeader + 4).starts_with(kPngText);
    if (is_webp(bytes)) return bytes.ends_with(webp_chunk());
    const size_t at = jpeg_comment_at(bytes);
    return at > 0 && bytes.substr(at).starts_with(jpeg_comment());
  } catch (const Error&) {
    return false;
  }
}

}  // namespace fsfm
