#include "media/provenance.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/content_kind.h"
#include "base/file.h"

namespace fsfm {
namespace {

using namespace std::string_view_literals;
using Bytes = std::span<const std::byte>;

// Types of the description box that begins a manifest store ("c2pa") and of the box that holds it in MP4 and HEIF.
constexpr std::string_view kStore = "c2pa\x00\x11\x00\x10\x80\x00\x00\xAA\x00\x38\x9B\x71"sv;
constexpr std::string_view kUuid = "\xD8\xFE\xC3\xD6\x1B\x0E\x48\x3C\x92\x97\x58\x28\x87\x7E\xC4\x81"sv;

bool matches(Bytes bytes, size_t at, std::string_view text) {
  return at <= bytes.size() && bytes.size() - at >= text.size() &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

uint64_t big_endian(Bytes bytes, size_t at, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | std::to_integer<uint8_t>(bytes[at + i]);
  return value;
}

// A superbox: length, "jumb", then a description box: length, "jumd", type.
bool is_store(Bytes bytes, size_t at) {
  return matches(bytes, at + 4, "jumb"sv) && matches(bytes, at + 12, "jumd"sv) && matches(bytes, at + 16, kStore);
}

bool in_jpeg(Bytes bytes) {
  for (size_t at = 2; at + 4 <= bytes.size() && bytes[at] == std::byte{0xFF};) {
    const auto marker = std::to_integer<uint8_t>(bytes[at + 1]);
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) return false;  // pixels begin; segments stand before them
    const size_t length = big_endian(bytes, at + 2, 2);
    // "JP", number of the box, number of the packet; only the first packet begins with the box.
    if (marker == 0xEB && matches(bytes, at + 4, "JP"sv) && is_store(bytes, at + 12)) return true;
    if (length < 2) return false;
    at += 2 + length;
  }
  return false;
}

bool in_png(Bytes bytes) {
  for (size_t at = 8; at + 12 <= bytes.size();) {
    const uint64_t length = big_endian(bytes, at, 4);
    if (matches(bytes, at + 4, "caBX"sv)) return true;
    at += 12 + length;
  }
  return false;
}

bool in_webp(Bytes bytes) {
  for (size_t at = 12; at + 8 <= bytes.size();) {
    if (matches(bytes, at, "C2PA"sv)) return true;
    uint64_t length = 0;  // little-endian, padded to an even number
    for (int i = 3; i >= 0; --i) length = length << 8 | std::to_integer<uint8_t>(bytes[at + 4 + i]);
    at += 8 + length + (length & 1);
  }
  return false;
}

// The top level of MP4, MOV, HEIC and AVIF.
bool in_boxes(Bytes bytes) {
  for (uint64_t at = 0; at < bytes.size() && bytes.size() - at >= 8;) {
    uint64_t length = big_endian(bytes, at, 4), header = 8;
    if (length == 1) {
      if (bytes.size() - at < 16) return false;
      length = big_endian(bytes, at + 8, 8);
      header = 16;
    }
    if (matches(bytes, at + 4, "uuid"sv) && matches(bytes, at + header, kUuid)) return true;
    if (length < header || length > bytes.size() - at) return false;  // 0: to the end of the file
    at += length;
  }
  return false;
}

}  // namespace

bool has_c2pa_manifest(Bytes file) {
  switch (content_kind(file.first(std::min(file.size(), kContentBytes)))) {
    case ContentKind::jpeg:
      return in_jpeg(file);
    case ContentKind::png:
      return in_png(file);
    case ContentKind::webp:
      return in_webp(file);
    case ContentKind::heic:
    case ContentKind::avif:
      return in_boxes(file);
    case ContentKind::video:
      return matches(file, 4, "ftyp"sv) && in_boxes(file);
    default:
      return false;
  }
}

bool has_c2pa_manifest(const fs::path& file) {
  if (!content_kind_of_file(file)) return false;
  try {
    return has_c2pa_manifest(MappedFile(file).bytes());
  } catch (const Error&) {
    return false;
  }
}

}  // namespace fsfm
