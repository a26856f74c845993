#include "media/provenance.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "media/codec.h"

namespace fsfm {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<std::byte>;

constexpr auto kStore = "\0\0\0\x40jumb\0\0\0\x1Ejumdc2pa\0\x11\0\x10\x80\0\0\xAA\0\x38\x9B\x71\x03"sv;
constexpr auto kUuid = "uuid\xD8\xFE\xC3\xD6\x1B\x0E\x48\x3C\x92\x97\x58\x28\x87\x7E\xC4\x81"sv;

Bytes inserted(const Bytes& file, size_t at, std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  Bytes out = file;
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(at), data, data + text.size());
  return out;
}

std::string jpeg_segment(std::string_view box) {
  const size_t length = 2 + 8 + box.size();
  return std::string("\xFF\xEB") + static_cast<char>(length >> 8) + static_cast<char>(length & 255) +
         std::string("JP\0\1\0\0\0\1"sv) + std::string(box);
}

TEST(Provenance, FindsTheManifestsPlaceInEachForm) {
  const Image image(32, 32, 90);
  const Bytes jpeg = encode_jpeg(image), png = encode_png(image);
  EXPECT_FALSE(has_c2pa_manifest(jpeg));
  EXPECT_FALSE(has_c2pa_manifest(png));
  EXPECT_TRUE(has_c2pa_manifest(inserted(jpeg, 2, jpeg_segment(kStore))));
  // JUMBF of another kind (a 360 degree picture's) is no manifest, and neither are such bytes among the pixels.
  std::string other(kStore);
  other.replace(16, 4, "json");
  EXPECT_FALSE(has_c2pa_manifest(inserted(jpeg, 2, jpeg_segment(other))));
  EXPECT_FALSE(has_c2pa_manifest(inserted(jpeg, jpeg.size() - 2, jpeg_segment(kStore))));
  EXPECT_TRUE(has_c2pa_manifest(inserted(png, 33, "\0\0\0\4caBXabcd\0\0\0\0"sv)));
  const Bytes mp4 = inserted({}, 0,
                             "\0\0\0\x10"
                             "ftypisom\0\0\0\0"sv);
  EXPECT_FALSE(has_c2pa_manifest(mp4));
  EXPECT_TRUE(has_c2pa_manifest(inserted(mp4, 16, std::string("\0\0\0\x18"sv) + std::string(kUuid))));
  EXPECT_TRUE(has_c2pa_manifest(
      inserted({}, 0, std::string("RIFF\x20\0\0\0WEBPVP8 \3\0\0\0abc\0"sv) + std::string("C2PA\2\0\0\0ab"sv))));
}

TEST(Provenance, DamagedBytesAreNoManifest) {
  const Bytes jpeg = inserted(encode_jpeg(Image(32, 32, 90)), 2, jpeg_segment(kStore));
  for (size_t size = 0; size < 60; ++size) has_c2pa_manifest(std::span(jpeg).first(size));
  EXPECT_FALSE(has_c2pa_manifest(std::span(jpeg).first(20)));
  EXPECT_FALSE(has_c2pa_manifest(inserted({}, 0,
                                          "\0\0\0\x10"
                                          "ftypisom\0\0\0\0\xFF\xFF\xFF\xFFmdat"sv)));
  EXPECT_FALSE(has_c2pa_manifest(std::filesystem::path("/nowhere/at-all.jpg")));
}

}  // namespace
}  // namespace fsfm
