// What a picture is worth is told by its rows, not by its end marker.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>

// jpeglib.h wants <cstdio> before it
// clang-format off
#include <jpeglib.h>
// clang-format on

#include "base/error.h"
#include "media/codec.h"
#include "support/pictures.h"

namespace fsfm {
namespace {

using test::Bytes;
using Setup = std::function<void(jpeg_compress_struct&)>;

std::string error_of(const Bytes& bytes) {
  try {
    decode_image(bytes, "face");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Bytes first(const Bytes& bytes, size_t count) { return {bytes.begin(), bytes.begin() + static_cast<int64_t>(count)}; }

Bytes operator+(Bytes bytes, const std::string& text) {
  const Bytes more = test::bytes_of(text);
  bytes.insert(bytes.end(), more.begin(), more.end());
  return bytes;
}

const std::string kEnd = "\xFF\xD9";

// Every kind of JPEG that has a way of its own through libjpeg.
std::map<std::string, Setup> jpeg_kinds() {
  static const jpeg_scan_info kPlanes[] = {{1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
  return {{"baseline", {}},
          {"progressive", [](jpeg_compress_struct& info) { jpeg_simple_progression(&info); }},
          {"restarts", [](jpeg_compress_struct& info) { info.restart_interval = 4; }},
          {"arithmetic", [](jpeg_compress_struct& info) { info.arith_code = TRUE; }},
          {"planes", [](jpeg_compress_struct& info) {
             info.scan_info = kPlanes;
             info.num_scans = 3;
           }}};
}

TEST(CodecDamage, AJpegWithoutItsEndMarkerIsWhole) {
  for (const auto& [name, setup] : jpeg_kinds()) {
    if (name == "arithmetic") continue;  // its data may end early: only the marker tells that it has not
    const Bytes whole = test::jpeg_of(test::gradient(96, 80), setup);
    const Image image = decode_image(whole, "face");
    EXPECT_EQ(decode_image(first(whole, whole.size() - 2), "face").rgb, image.rgb) << name;
    EXPECT_EQ(decode_image(first(whole, whole.size() - 2) + std::string(50, '\0'), "face").rgb, image.rgb) << name;
    EXPECT_EQ(decode_image(whole + "junk behind the picture", "face").rgb, image.rgb) << name;
    EXPECT_EQ(decode_image(whole + test::text_of(test::jpeg_of(Image(8, 8))), "face").rgb, image.rgb) << name;
  }
}

TEST(CodecDamage, AJpegThatLacksRowsIsDamagedWhateverItsEndSays) {
  for (const auto& [name, setup] : jpeg_kinds()) {
    const Bytes whole = test::jpeg_of(test::gradient(96, 80), setup);
    const size_t data = test::find_segment(whole, 0xDA);
    for (const double share : {0.1, 0.5, 0.9}) {
      const Bytes cut =
          first(whole, data + 12 + static_cast<size_t>(share * static_cast<double>(whole.size() - data - 14)));
      EXPECT_NE(error_of(cut).find("face is truncated"), std::string::npos) << name << share << error_of(cut);
      if (name == "arithmetic") continue;
      // The end marker may fall into a table, which then lacks its end.
      const std::string error = error_of(cut + kEnd);
      EXPECT_TRUE(error.find("face is damaged") != error.npos || (name == "progressive" && !error.empty()))
          << name << share << error;
    }
  }
}

// All rows are there after the first scan, as a blur or without colour.
TEST(CodecDamage, MissingScansAreMissingRows) {
  for (const char* name : {"progressive", "planes"}) {
    const Bytes whole = test::jpeg_of(test::gradient(96, 80), jpeg_kinds()[name]);
    for (int scan = 1; test::find_segment(whole, 0xDA, scan) < whole.size(); ++scan) {
      const size_t at = test::find_segment(whole, 0xDA, scan);
      EXPECT_NE(error_of(first(whole, at)).find("truncated"), std::string::npos) << name << scan;
      EXPECT_NE(error_of(first(whole, at) + kEnd).find("damaged"), std::string::npos) << name << scan;
    }
  }
}

TEST(CodecDamage, PaddingIsNoDamage) {
  const Bytes whole = test::jpeg_of(test::gradient(96, 80));
  const Bytes padded = first(whole, whole.size() - 2) + std::string(200, '\0') + kEnd;
  EXPECT_EQ(decode_image(padded, "face").rgb, decode_image(whole, "face").rgb);
}

TEST(CodecDamage, AHoleInTheMiddleNeverCrashes) {
  for (const auto& [name, setup] : jpeg_kinds()) {
    Bytes bytes = test::jpeg_of(test::gradient(96, 80), setup);
    const size_t data = test::find_segment(bytes, 0xDA) + 14, middle = (data + bytes.size()) / 2;
    for (size_t i = middle; i < middle + (bytes.size() - data) / 10; ++i) bytes[i] = std::byte{0};
    error_of(bytes);
  }
}

TEST(CodecDamage, APngNeedsItsRowsAndNoMore) {
  const Image image = test::gradient(60, 50);
  const Bytes whole = encode_png(image);
  EXPECT_EQ(decode_image(first(whole, whole.size() - 12), "face").rgb, image.rgb);  // no IEND
  EXPECT_EQ(decode_image(first(whole, whole.size() - 14), "face").rgb, image.rgb);  // nor all of the data's checksum
  EXPECT_EQ(decode_image(whole + "junk", "face").rgb, image.rgb);
  EXPECT_NE(error_of(first(whole, whole.size() / 2)).find("truncated"), std::string::npos);
  // Half the data in a chunk that is whole, and the end.
  const std::string text = test::text_of(whole);
  const size_t data = text.find("IDAT");
  const std::string half = text.substr(data + 4, (text.size() - data) / 2);
  const std::string ended = text.substr(0, data - 4) + test::png_chunk("IDAT", half) + test::png_chunk("IEND", "");
  EXPECT_NE(error_of(test::bytes_of(ended)).find("damaged"), std::string::npos) << error_of(test::bytes_of(ended));
  Bytes flipped = whole;
  flipped[flipped.size() - 14] ^= std::byte{1};  // the data's checksum
  EXPECT_NE(error_of(flipped).find("damaged"), std::string::npos) << error_of(flipped);
}

TEST(CodecDamage, AWebpNeedsItsFrameAndNoMore) {
  const Image image = test::gradient(64, 48);
  const std::string frame = test::webp_frame(image);
  const std::string header =
      test::webp_chunk("VP8X", std::string("\x08\0\0\0", 4) + std::string("\x3F\0\0\x2F\0\0", 6));
  const Bytes whole = test::webp_of(header + frame + test::webp_chunk("EXIF", std::string(100, ' ')));
  const Image shown = decode_image(whole, "face");
  EXPECT_LT(test::mean_difference(shown, image), 6);
  EXPECT_EQ(decode_image(first(whole, whole.size() - 50), "face").rgb, shown.rgb);
  EXPECT_NE(error_of(first(whole, whole.size() - 150)).find("truncated"), std::string::npos);
}

TEST(CodecDamage, AGifNeedsItsRowsAndNoMore) {
  std::vector<uint8_t> indices(40 * 30);
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<uint8_t>(i * 7 / 5 % 4);
  const Bytes whole = test::gif_of({indices}, 40, 30);
  const Image image = decode_image(whole, "face");
  EXPECT_EQ(decode_image(first(whole, whole.size() - 1), "face").rgb, image.rgb);  // no trailer
  EXPECT_EQ(decode_image(first(whole, whole.size() - 2), "face").rgb, image.rgb);  // nor the end of the blocks
  EXPECT_NE(error_of(first(whole, whole.size() / 2)).find("truncated"), std::string::npos);
}

TEST(CodecDamage, ABmpMayLackThePaddingOfItsLastRow) {
  std::string bmp = "BM" + std::string(8, '\0') + std::string("\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18\0", 20) +
                    std::string(24, '\0') + "\x10\x20\x30";
  EXPECT_EQ(decode_image(test::bytes_of(bmp), "face").rgb, (std::vector<uint8_t>{0x30, 0x20, 0x10}));
  bmp.pop_back();
  EXPECT_NE(error_of(test::bytes_of(bmp)).find("truncated"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
