#include "media/codec.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "media/codec_formats.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using Bytes = std::vector<std::byte>;

Image gradient(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      image.row(y)[x * 3] = static_cast<uint8_t>(x * 255 / width);
      image.row(y)[x * 3 + 1] = static_cast<uint8_t>(y * 255 / height);
      image.row(y)[x * 3 + 2] = static_cast<uint8_t>((x + y) % 256);
    }
  return image;
}

Bytes to_bytes(const std::string& text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

std::string message_of(const Bytes& bytes, const DecodeLimits& limits = {}) {
  try {
    decode_image(bytes, "face.jpg", limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

double mean_difference(const Image& a, const Image& b) {
  if (a.rgb.size() != b.rgb.size()) return 255;
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

std::string little(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// An EXIF block whose only entry is the orientation.
std::string exif_block(int orientation) {
  return std::string("II*\0", 4) + little(8, 4) + little(1, 2) + little(0x0112, 2) + little(3, 2) + little(1, 4) +
         little(static_cast<uint32_t>(orientation), 4) + little(0, 4);
}

Bytes with_exif(const Bytes& jpeg, int orientation) {
  const std::string body = std::string("Exif\0\0", 6) + exif_block(orientation);
  std::string segment = "\xFF\xE1";
  segment += static_cast<char>((body.size() + 2) >> 8);
  segment += static_cast<char>((body.size() + 2) & 0xFF);
  Bytes out(jpeg.begin(), jpeg.begin() + 2);
  for (const char c : segment + body) out.push_back(static_cast<std::byte>(c));
  out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
  return out;
}

TEST(Codec, PngKeepsEveryPixel) {
  const Image image = gradient(37, 21);
  EXPECT_EQ(decode_image(encode_png(image), "a.png").rgb, image.rgb);
  EXPECT_EQ(decode_image(encode_png(image, 0), "a.png").rgb, image.rgb);
}

TEST(Codec, LossyFormatsStayClose) {
  test::TempDir dir;
  const Image image = gradient(160, 120);
  for (const char* name : {"a.jpg", "a.jpeg", "a.webp", "a.png"}) {
    write_image(dir / name, image);
    EXPECT_LT(mean_difference(read_image(dir / name), image), 4.0) << name;
  }
  EXPECT_LT(encode_jpeg(image, 30).size(), encode_jpeg(image, 95).size());
  EXPECT_THROW(write_image(dir / "a.docx", image), Error);
  EXPECT_THROW(write_image(dir / "none" / "a.png", image), Error);
}

TEST(Codec, ExifOrientationIsApplied) {
  // Red in the top left quarter; after orientation 6 (turn clockwise) it is in the top right one.
  Image image(32, 16, 255);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 16; ++x) image.row(y)[x * 3 + 1] = image.row(y)[x * 3 + 2] = 0;
  const Image turned = decode_image(with_exif(encode_jpeg(image), 6), "a.jpg");
  ASSERT_EQ(turned.width, 16);
  ASSERT_EQ(turned.height, 32);
  EXPECT_LT(turned.row(4)[12 * 3 + 1], 60);
  EXPECT_GT(turned.row(4)[2 * 3 + 1], 200);
  EXPECT_GT(turned.row(28)[12 * 3 + 1], 200);
}

TEST(Codec, OrientationsAreInversesOfEachOther) {
  const Image image = gradient(9, 5);
  constexpr int kInverse[] = {0, 1, 2, 3, 4, 5, 8, 7, 6};
  for (int o = 1; o <= 8; ++o)
    EXPECT_EQ(codec_detail::apply_orientation(codec_detail::apply_orientation(image, o), kInverse[o]).rgb, image.rgb)
        << o;
}

TEST(Codec, DamagedExifIsIgnored) {
  Rng rng(3);
  const std::string good = exif_block(6);
  for (int trial = 0; trial < 2000; ++trial) {
    std::string bad = good.substr(0, rng.below(static_cast<uint32_t>(good.size() + 1)));
    for (char& c : bad)
      if (rng.chance(0.1)) c = static_cast<char>(rng.below(256));
    const int orientation = codec_detail::exif_orientation(std::as_bytes(std::span(bad)));
    ASSERT_TRUE(orientation >= 1 && orientation <= 8);
  }
}

TEST(Codec, SmallFormatsByHand) {
  const Image grey = decode_image(to_bytes("P5 # a comment\n2 1\n255\n\x10\xF0"), "a.pgm");
  EXPECT_EQ(grey.rgb, (std::vector<uint8_t>{0x10, 0x10, 0x10, 0xF0, 0xF0, 0xF0}));
  EXPECT_EQ(decode_image(to_bytes("P3 1 1 15 15 0 3"), "a.ppm").rgb, (std::vector<uint8_t>{255, 0, 51}));
  EXPECT_EQ(decode_image(to_bytes(std::string("P6 1 1 65535\n\xFF\xFF\x80\x00\x00\x00", 19)), "a.ppm").rgb,
            (std::vector<uint8_t>{255, 127, 0}));
  // A 2 x 2 BMP of one bit a pixel, stored upwards: palette red, blue.
  const std::string bmp = "BM" + little(78, 4) + little(0, 4) + little(62, 4) + little(40, 4) + little(2, 4) +
                          little(2, 4) + little(1, 2) + little(1, 2) + little(0, 4) + little(8, 4) + little(0, 4) +
                          little(0, 4) + little(2, 4) + little(0, 4) + std::string("\0\0\xFF\0\xFF\0\0\0", 8) +
                          std::string("\x40\0\0\0\x80\0\0\0", 8);
  EXPECT_EQ(decode_image(to_bytes(bmp), "a.bmp").rgb,
            (std::vector<uint8_t>{0, 0, 255, 255, 0, 0, 255, 0, 0, 0, 0, 255}));
}

TEST(Codec, TransparencyBecomesWhite) {
  EXPECT_EQ(codec_detail::flatten(std::vector<uint8_t>{10, 20, 30, 255, 10, 20, 30, 0}, 2, 1).rgb,
            (std::vector<uint8_t>{10, 20, 30, 255, 255, 255}));
}

TEST(Codec, PalettePngKeepsTheIndices) {
  std::vector<uint8_t> indices(14 * 9), palette;
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<uint8_t>(i % 11);
  for (int i = 0; i < 11; ++i) palette.insert(palette.end(), {static_cast<uint8_t>(20 * i), 5, 250});
  const auto png = encode_palette_png(indices, 14, 9, palette);
  int width = 0, height = 0;
  EXPECT_EQ(decode_palette_png(png, "map.png", width, height), indices);
  EXPECT_EQ(width, 14);
  EXPECT_EQ(height, 9);
  EXPECT_EQ(decode_image(png, "map.png").row(0)[3 * 3], 60);  // as a picture it shows the colours
  EXPECT_THROW(decode_palette_png(encode_png(Image(4, 4)), "rgb.png", width, height), Error);
  EXPECT_THROW(decode_palette_png(to_bytes("no picture at all"), "x.png", width, height), Error);
}

TEST(Codec, ErrorsNameTheFileTheFaultAndTheWayOut) {
  EXPECT_NE(message_of({}).find("face.jpg is empty"), std::string::npos);
  EXPECT_NE(message_of(to_bytes("hello, I am a text")).find("face.jpg is a text file, not a picture"),
            std::string::npos);
  const Image image = gradient(64, 64);
  test::TempDir dir;
  write_image(dir / "a.webp", image);
  const std::string webp = read_file(dir / "a.webp");
  for (Bytes bytes : {encode_jpeg(image), encode_png(image), to_bytes(webp), to_bytes("P6 9 9 255\n....")}) {
    bytes.resize(bytes.size() * 2 / 3);
    testing::internal::CaptureStderr();
    EXPECT_NE(message_of(bytes).find("face.jpg is truncated"), std::string::npos) << message_of(bytes);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  }
  EXPECT_THROW(read_image(dir / "missing.png"), Error);
}

TEST(Codec, SizesAreCheckedBeforePixelsAreAllocated) {
  const DecodeLimits small{.max_pixels = 1000};
  for (const Bytes& bytes : {encode_jpeg(gradient(64, 64)), encode_png(gradient(64, 64)), to_bytes("P6 64 64 255\n")})
    EXPECT_NE(message_of(bytes, small).find("64x64 pixels, the limit is 1,000"), std::string::npos);
  Bytes bomb = encode_png(gradient(2, 2));
  std::memcpy(bomb.data() + 16, "\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF", 8);
  EXPECT_NE(message_of(bomb), "");  // its checksum no longer fits, or its size is too large: refused either way
  EXPECT_NE(message_of(encode_png(gradient(2, 2)), {.max_bytes = 10}).find("too large"), std::string::npos);
}

TEST(Codec, StripsOfAnyLengthAreRefused) {
  for (const Image& strip : {Image(65'501, 1), Image(1, 65'501)})
    EXPECT_NE(message_of(encode_png(strip)).find("no side may exceed 65,500"), std::string::npos);
  EXPECT_EQ(decode_image(encode_png(Image(65'500, 1)), "a.png").width, 65'500);
}

TEST(Codec, RandomDamageNeverEscapesAsAnythingButAnError) {
  const Image image = gradient(40, 30);
  test::TempDir dir;
  write_image(dir / "a.webp", image);
  Rng rng(1);
  testing::internal::CaptureStderr();
  for (const Bytes& good :
       {encode_jpeg(image), encode_png(image), to_bytes(read_file(dir / "a.webp")), to_bytes("P2 3 2 9 1 2 3 4 5 6"),
        to_bytes("MM" + std::string("\0*", 2) + std::string(60, '\1'))})
    for (int trial = 0; trial < 300; ++trial) {
      Bytes bad = good;
      for (int k = 0; k < 4; ++k)
        bad[rng.below(static_cast<uint32_t>(bad.size()))] = static_cast<std::byte>(rng.below(256));
      bad.resize(1 + rng.below(static_cast<uint32_t>(bad.size())));
      message_of(bad, {.max_pixels = 1'000'000});
    }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace fsfm
