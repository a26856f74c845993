// The forms of pictures that strangers bring: inks, sixteen bits, animations, phone formats, and files that are none.
#include <gtest/gtest.h>
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdio>

// jpeglib.h wants <cstdio> before it
// clang-format off
#include <jpeglib.h>
// clang-format on

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "media/codec.h"
#include "support/pictures.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using namespace std::string_literals;
using test::Bytes;

std::string error_of(const Bytes& bytes, const DecodeLimits& limits = {}) {
  try {
    decode_image(bytes, "face.jpg", limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::array<int, 3> first_pixel(const Image& image) { return {image.rgb[0], image.rgb[1], image.rgb[2]}; }
Image decoded(const Bytes& bytes) { return decode_image(bytes, "face.jpg"); }

void expect_near(const Bytes& bytes, std::array<int, 3> wanted, const std::string& what) {
  const auto pixel = first_pixel(decoded(bytes));
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], wanted[c], 2) << what << " channel " << c;
}

// ---- JPEG

std::vector<uint8_t> flat(std::initializer_list<uint8_t> pixel, int count = 16 * 16) {
  std::vector<uint8_t> samples;
  for (int i = 0; i < count; ++i) samples.insert(samples.end(), pixel);
  return samples;
}

// Pillow and browsers take the stored values for light, with Adobe's mark and without.
TEST(CodecForms, InksAreReadInvertedWithAndWithoutTheMark) {
  const auto inks = flat({200, 100, 50, 220});
  const std::array<int, 3> light = {173, 86, 43};  // stored value * K / 255
  const Bytes marked = test::jpeg_of(inks, 16, 16, 4);
  expect_near(marked, light, "marked");
  expect_near(test::without_segment(marked, 0xEE), light, "unmarked");
  expect_near(test::jpeg_of(inks, 16, 16, 4, [](jpeg_compress_struct& info) { jpeg_simple_progression(&info); }), light,
              "progressive");
  const Bytes ycck =
      test::jpeg_of(inks, 16, 16, 4, [](jpeg_compress_struct& info) { jpeg_set_colorspace(&info, JCS_YCCK); });
  expect_near(ycck, light, "YCCK");
}

TEST(CodecForms, JpegsOfThreeChannelsFollowTheirMarks) {
  const auto rgb = flat({200, 40, 90});
  const auto store_rgb = [](jpeg_compress_struct& info) { jpeg_set_colorspace(&info, JCS_RGB); };
  const Bytes marked = test::jpeg_of(rgb, 16, 16, 3, store_rgb);  // Adobe's mark says: no transform
  expect_near(marked, {200, 40, 90}, "Adobe RGB");
  expect_near(test::without_segment(marked, 0xEE), {200, 40, 90}, "components called R, G, B");
  expect_near(test::jpeg_of(flat({77}), 16, 16, 1), {77, 77, 77}, "grey");
}

TEST(CodecForms, RareJpegsAreCalledByTheirKind) {
  Bytes jpeg = test::jpeg_of(test::gradient(16, 16));
  const size_t frame = test::find_segment(jpeg, 0xC0);
  Bytes deep = jpeg, lossless = jpeg;
  deep[frame + 4] = std::byte{12};
  EXPECT_NE(error_of(deep).find("a JPEG of more than 8 bits"), std::string::npos) << error_of(deep);
  lossless[frame + 1] = std::byte{0xC3};
  EXPECT_NE(error_of(lossless).find("a JPEG of a rare kind"), std::string::npos) << error_of(lossless);
  const Bytes two = test::jpeg_of(flat({1, 2}), 16, 16, 2, [](jpeg_compress_struct& info) {
    info.in_color_space = JCS_UNKNOWN;
    jpeg_set_colorspace(&info, JCS_UNKNOWN);
  });
  EXPECT_NE(error_of(two).find("an unusual number of channels"), std::string::npos) << error_of(two);
}

// ---- PNG

TEST(CodecForms, SixteenBitsAndFewBitsOfGreyArePutInRange) {
  EXPECT_EQ(first_pixel(decoded(test::png_of("\x80\x80\xFF\xFF", 2, 1, 16, 0))), (std::array<int, 3>{128, 128, 128}));
  EXPECT_EQ(first_pixel(decoded(test::png_of("\x80\x80\x40\x40\x20\x20", 1, 1, 16, 2))),
            (std::array<int, 3>{128, 64, 32}));
  EXPECT_EQ(decoded(test::png_of("\x40", 2, 1, 1, 0)).rgb, (std::vector<uint8_t>{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(first_pixel(decoded(test::png_of("\x50", 1, 1, 4, 0))), (std::array<int, 3>{85, 85, 85}));
  EXPECT_EQ(decoded(test::png_of("\x64\xFF\x64\0"s, 2, 1, 8, 4)).rgb,
            (std::vector<uint8_t>{100, 100, 100, 255, 255, 255}));
  const std::string palette = test::png_chunk("PLTE", "\x0A\x14\x1E\xC8\xC8\xC8") + test::png_chunk("tRNS", "\xFF\0"s);
  EXPECT_EQ(decoded(test::png_of("\0\1"s, 2, 1, 8, 3, palette)).rgb, (std::vector<uint8_t>{10, 20, 30, 255, 255, 255}));
}

TEST(CodecForms, PngOrientationStandsBeforeOrBehindTheRows) {
  const std::string exif = test::png_chunk("eXIf", "MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"s);
  EXPECT_EQ(decoded(test::png_of("abcdef", 2, 1, 8, 2, exif)).height, 2);
  EXPECT_EQ(decoded(test::png_of("abcdef", 2, 1, 8, 2, "", exif)).height, 2);
}

// ---- animations

TEST(CodecForms, OfAnimationsTheFirstFrameIsReadAndSaid) {
  const Image red = [] {
    Image image(32, 32);
    for (size_t i = 0; i < image.rgb.size(); i += 3) image.rgb[i] = 220;
    return image;
  }();
  const auto frame = [](const Image& image, int x, int y) {
    const auto bits24 = [](int v) { return ""s + static_cast<char>(v) + static_cast<char>(v >> 8) + '\0'; };
    return test::webp_chunk("ANMF", bits24(x / 2) + bits24(y / 2) + bits24(image.width - 1) + bits24(image.height - 1) +
                                        bits24(100) + '\0' + test::webp_frame(image));
  };
  const std::string canvas = test::webp_chunk("VP8X", "\x02\0\0\0\x2F\0\0\x3F\0\0"s) +  // 48 x 64
                             test::webp_chunk("ANIM", std::string(6, '\0'));
  const Bytes webp = test::webp_of(canvas + frame(red, 16, 32) + frame(Image(32, 32, 255), 0, 0));
  const Picture picture = decode_picture(webp, "a.webp");
  EXPECT_NE(picture.note.find("animated"), std::string::npos);
  ASSERT_EQ(picture.image.width, 48);
  ASSERT_EQ(picture.image.height, 64);
  EXPECT_EQ(picture.image.row(0)[0], 255);                 // beside the frame
  EXPECT_NEAR(picture.image.row(40)[20 * 3 + 0], 220, 6);  // in it
  EXPECT_LT(picture.image.row(40)[20 * 3 + 1], 10);
  const Bytes lone = test::webp_of(test::webp_frame(red));
  EXPECT_EQ(decode_picture(lone, "a.webp").note, "");

  const std::string control = test::png_chunk("acTL", "\0\0\0\3\0\0\0\0"s);
  EXPECT_NE(decode_picture(test::png_of("abc", 1, 1, 8, 2, control), "a.png").note.find("animated"), std::string::npos);
  EXPECT_EQ(decode_picture(test::png_of("abc", 1, 1, 8, 2), "a.png").note, "");

  const std::vector<uint8_t> first(20 * 10, 1), second(20 * 10, 2);
  const Picture gif = decode_picture(test::gif_of({first, second}, 20, 10), "a.png");
  EXPECT_EQ(first_pixel(gif.image), (std::array<int, 3>{255, 0, 0}));
  EXPECT_NE(gif.note.find("animated"), std::string::npos);
  EXPECT_EQ(decode_picture(test::gif_of({first}, 20, 10), "a.gif").note, "");
}

TEST(CodecForms, GifRowsAndTransparency) {
  std::vector<uint8_t> rows;
  for (int y = 0; y < 21; ++y) rows.insert(rows.end(), 5, static_cast<uint8_t>(y % 4));
  const Image plain = decoded(test::gif_of({rows}, 5, 21));
  EXPECT_EQ(decoded(test::gif_of({rows}, 5, 21, true)).rgb, plain.rgb);
  EXPECT_EQ(plain.row(2)[1], 255);  // green
  EXPECT_EQ(first_pixel(decoded(test::gif_of({rows}, 5, 21, false, 0))), (std::array<int, 3>{255, 255, 255}));
  EXPECT_NE(error_of(test::gif_of({rows}, 5, 21), {.max_pixels = 100}).find("5x21 pixels"), std::string::npos);
}

// ---- HEIC and AVIF

TEST(CodecForms, PhoneFormatsAreRead) {
  const Image image = test::gradient(96, 64);
  testing::internal::CaptureStderr();
  for (const auto kind : {test::HeifKind::heic, test::HeifKind::avif})
    for (const int bits : {8, kind == test::HeifKind::heic ? 10 : 12}) {  // the AVIF encoder dies of 10 bits of 4:2:0
      const Bytes bytes = test::heif_of(image, kind, bits);
      EXPECT_LT(test::mean_difference(decoded(bytes), image), 6) << static_cast<int>(kind) << " " << bits;
      EXPECT_NE(error_of(bytes, {.max_pixels = 100}).find("96x64 pixels, the limit is 100"), std::string::npos);
      Bytes cut = bytes;
      cut.resize(cut.size() * 2 / 3);
      EXPECT_NE(error_of(cut), "");
    }
  testing::internal::GetCapturedStderr();  // the encoders talk
}

TEST(CodecForms, HostilePhoneFormatsAreErrorsOrPictures) {
  testing::internal::CaptureStderr();
  const Bytes good = test::heif_of(test::gradient(48, 48), test::HeifKind::heic);
  testing::internal::GetCapturedStderr();
  Rng rng(4);
  int errors = 0;
  testing::internal::CaptureStderr();
  for (int trial = 0; trial < 100; ++trial) {
    Bytes bad = good;
    for (int k = 0; k < 3; ++k)
      bad[12 + rng.below(static_cast<uint32_t>(bad.size() - 12))] = static_cast<std::byte>(rng.below(256));
    errors += !error_of(bad, {.max_pixels = 1'000'000}).empty();
  }
  testing::internal::GetCapturedStderr();  // libde265 prints what it thinks of a header, and cannot be asked not to
  EXPECT_GT(errors, 0);
}

// libheif follows such references until the stack is full.
TEST(CodecForms, APhonePictureThatIsMadeOfItselfIsDamaged) {
  testing::internal::CaptureStderr();
  const std::string good = test::text_of(test::heif_of(test::gradient(48, 48), test::HeifKind::heic));
  testing::internal::GetCapturedStderr();
  const std::string reference = "dimg\0\2\0\1\0\1"s;  // item 2 is made of one item, number 1
  const size_t at = good.find(reference);
  ASSERT_NE(at, good.npos) << "the encoder lays pictures of odd sizes over a larger one";
  std::string own = good;
  own[at + reference.size() - 1] = '\2';
  EXPECT_NE(error_of(test::bytes_of(own)).find("damaged HEIC picture: it is made of itself"), std::string::npos)
      << error_of(test::bytes_of(own));
  EXPECT_EQ(decoded(test::bytes_of(good)).width, 48);
}

// ---- TIFF

class Tiff : public ::testing::Test {
 protected:
  template <class T>
  Bytes write(const char* mode, int width, int height, int samples, uint16_t photometric, std::vector<T> values,
              const std::function<void(TIFF*)>& setup = {}) {
    const fs::path path = dir_ / "a.tif";
    TIFF* tiff = TIFFOpen(path.c_str(), mode);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, samples);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, static_cast<int>(8 * sizeof(T)));
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, photometric);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, height);
    if (setup) setup(tiff);
    TIFFWriteEncodedStrip(tiff, 0, values.data(), static_cast<tmsize_t>(values.size() * sizeof(T)));
    TIFFClose(tiff);
    return test::bytes_of(read_file(path));
  }
  test::TempDir dir_;
};

TEST_F(Tiff, GreyOfSixteenBitsInEitherByteOrder) {
  for (const char* mode : {"wl", "wb", "w8"}) {
    const std::vector<uint16_t> values = {0, 32896, 65535};
    EXPECT_EQ(decoded(write<uint16_t>(mode, 3, 1, 1, PHOTOMETRIC_MINISBLACK, values)).rgb,
              (std::vector<uint8_t>{0, 0, 0, 128, 128, 128, 255, 255, 255}))
        << mode;
    EXPECT_EQ(decoded(write<uint16_t>(mode, 3, 1, 1, PHOTOMETRIC_MINISWHITE, values)).rgb,
              (std::vector<uint8_t>{255, 255, 255, 127, 127, 127, 0, 0, 0}))
        << mode;
  }
}

TEST_F(Tiff, InksAreNotInvertedHere) {
  const auto inks = write<uint8_t>("w", 1, 1, 4, PHOTOMETRIC_SEPARATED, {55, 155, 205, 35});
  const auto pixel = first_pixel(decoded(inks));
  EXPECT_NEAR(pixel[0], 173, 1);
  EXPECT_NEAR(pixel[1], 86, 1);
  EXPECT_NEAR(pixel[2], 43, 1);
}

TEST_F(Tiff, APaddingSampleIsNoAlpha) {
  const auto bytes = write<uint8_t>("w", 1, 1, 4, PHOTOMETRIC_RGB, {10, 20, 30, 0}, [](TIFF* tiff) {
    const uint16_t kind = EXTRASAMPLE_UNSPECIFIED;
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &kind);
  });
  EXPECT_EQ(first_pixel(decoded(bytes)), (std::array<int, 3>{10, 20, 30}));
  const auto clear = write<uint8_t>("w", 1, 1, 4, PHOTOMETRIC_RGB, {10, 20, 30, 0}, [](TIFF* tiff) {
    const uint16_t kind = EXTRASAMPLE_UNASSALPHA;
    TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, 1, &kind);
  });
  EXPECT_EQ(first_pixel(decoded(clear)), (std::array<int, 3>{255, 255, 255}));
}

TEST_F(Tiff, WhatWouldBeMisreadIsRefusedByName) {
  const auto format = [](int kind) { return [kind](TIFF* tiff) { TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT, kind); }; };
  EXPECT_NE(error_of(write<float>("w", 1, 1, 1, PHOTOMETRIC_MINISBLACK, {0.5f}, format(SAMPLEFORMAT_IEEEFP)))
                .find("a TIFF of 32-bit floating-point numbers"),
            std::string::npos);
  EXPECT_NE(error_of(write<int16_t>("w", 1, 1, 1, PHOTOMETRIC_MINISBLACK, {-5}, format(SAMPLEFORMAT_INT)))
                .find("a TIFF of signed numbers"),
            std::string::npos);
  EXPECT_NE(error_of(write<uint8_t>("w", 1, 1, 3, PHOTOMETRIC_CIELAB, {50, 0, 0})).find("Lab"), std::string::npos);
  EXPECT_NE(error_of(write<uint8_t>("w", 1, 1, 3, PHOTOMETRIC_RGB, {1, 2, 3},
                                    [](TIFF* tiff) { TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE); }))
                .find("a preview"),
            std::string::npos);
}

TEST_F(Tiff, SeveralPagesAndMissingRows) {
  Bytes bytes = write<uint8_t>("w", 1, 1, 1, PHOTOMETRIC_MINISBLACK, {7});
  EXPECT_EQ(decode_picture(bytes, "a.tif").note, "");
  bytes = write<uint8_t>("a", 1, 1, 1, PHOTOMETRIC_MINISBLACK, {9});
  const Picture two = decode_picture(bytes, "a.tif");
  EXPECT_EQ(two.image.rgb[0], 7);
  EXPECT_NE(two.note.find("several pages"), std::string::npos);
  // A strip that goes past the end of the file.
  fs::remove(dir_ / "a.tif");
  Bytes cut = write<uint8_t>("w", 64, 64, 1, PHOTOMETRIC_MINISBLACK, std::vector<uint8_t>(64 * 64, 9),
                             [](TIFF* tiff) { TIFFSetField(tiff, TIFFTAG_ORIENTATION, 6); });
  EXPECT_EQ(decoded(cut).rgb[0], 9);
  std::string text = test::text_of(cut);
  size_t entry = text.find("\x11\x01\x03\0\1\0\0\0"s);  // StripOffsets, one SHORT or LONG
  if (entry == text.npos) entry = text.find("\x11\x01\x04\0\1\0\0\0"s);
  ASSERT_NE(entry, text.npos);
  text[entry + 8] = static_cast<char>(cut.size() - 100);
  text[entry + 9] = static_cast<char>((cut.size() - 100) >> 8);
  EXPECT_NE(error_of(test::bytes_of(text)).find("damaged"), std::string::npos) << error_of(test::bytes_of(text));
}

// ---- files that are no pictures

TEST(CodecForms, OtherFilesAreCalledWhatTheyAre) {
  const auto says = [](const std::string& text, const std::string& part) {
    const std::string error = error_of(test::bytes_of(text));
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  says("<!DOCTYPE html><html>Sign in", "face.jpg is a web page, not a picture; download");
  says("version https://git-lfs.github.com/spec/v1\noid",
       "face.jpg is a git-lfs pointer, not the file it stands for; run git lfs pull");
  says("\0\0\0\x18"s + "ftypisom" + std::string(20, '\0'), "face.jpg is a video, not a picture; take frames");
  says("%PDF-1.4", "face.jpg is a PDF document, which fsfm does not read; export");
  says("\xFF\x0A....", "a JPEG XL picture");
  says("8BPS\0\1......"s, "a Photoshop document");
  says("PK\3\4....", "a ZIP archive, which fsfm does not read; unpack");
  says("<svg/>", "an SVG drawing");
  says("", "face.jpg is empty");
  says("\1\2\3\4", "face.jpg is not a picture fsfm can read; give");
  says("\1\2\3" + test::text_of(encode_jpeg(Image(8, 8))), "a JPEG begins at its byte 3");
  says("\0\0\0\x18"s + "ftypheic" + std::string(12, '\0') + std::string(40, 'x'), "HEIC");
}

TEST(CodecForms, BitmapsOfOneBit) {
  EXPECT_EQ(decoded(test::bytes_of("P1\n# made by hand\n2 1\n10")).rgb, (std::vector<uint8_t>{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(decoded(test::bytes_of("P4 2 1\n\x40")).rgb, (std::vector<uint8_t>{255, 255, 255, 0, 0, 0}));
  EXPECT_NE(error_of(test::bytes_of("P4 9 2\n\x40\x40\x40")).find("truncated"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
