// The same colours, told in other numbers: pictures with a profile look as those without.
#include "media/color_profile.h"

#include <gtest/gtest.h>
#include <lcms2.h>
#include <libheif/heif.h>
#include <tiffio.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

// jpeglib.h wants <cstdio> before it
// clang-format off
#include <jpeglib.h>
// clang-format on

#include "base/file.h"
#include "base/rng.h"
#include "media/codec.h"
#include "support/pictures.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using namespace std::string_literals;
using test::Bytes;

constexpr Chromaticities kSrgb{{0.3127, 0.3290}, {0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}};
constexpr Chromaticities kP3{{0.3127, 0.3290}, {0.68, 0.32}, {0.265, 0.69}, {0.15, 0.06}};
constexpr int kSide = 32;
constexpr std::array<uint8_t, 3> kSkin{200, 140, 110};  // in Display P3

double light(double value) { return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4); }
double signal(double light) { return light <= 0.0031308 ? 12.92 * light : 1.055 * std::pow(light, 1 / 2.4) - 0.055; }

// By the definition: light, the matrix of the primaries (SMPTE EG 432-1 to BT.709), signal.
std::array<int, 3> p3_in_srgb(const std::array<uint8_t, 3>& p3) {
  constexpr double m[3][3] = {{1.2249, -0.2247, 0.0}, {-0.0420, 1.0419, 0.0}, {-0.0197, -0.0786, 1.0979}};
  std::array<int, 3> srgb{};
  for (size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (size_t c = 0; c < 3; ++c) sum += m[row][c] * light(p3[c] / 255.0);
    srgb[row] = static_cast<int>(std::lround(255 * signal(std::clamp(sum, 0.0, 1.0))));
  }
  return srgb;
}

Image flat(const std::array<uint8_t, 3>& pixel) {
  Image image(kSide, kSide);
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = pixel[i % 3];
  return image;
}

std::string text_of(const std::vector<std::byte>& bytes) { return test::text_of(bytes); }

Bytes png_with(const std::string& profile, const Image& image) {
  const std::string rows(image.rgb.begin(), image.rgb.end());
  return test::png_of(rows, image.width, image.height, 8, 2,
                      profile.empty() ? "" : test::png_chunk("iCCP", "p\0\0"s + test::deflated(profile)));
}

// In parts of at most `most` bytes, as large profiles are.
Bytes jpeg_with(const std::string& profile, const Image& image, size_t most = 65000) {
  std::string jpeg =
      text_of(test::jpeg_of(image, [](jpeg_compress_struct& info) { jpeg_set_quality(&info, 95, TRUE); }));
  std::string segments;
  const size_t parts = (profile.size() + most - 1) / most;
  for (size_t i = 0; i < parts; ++i) {
    const std::string part =
        "ICC_PROFILE\0"s + static_cast<char>(i + 1) + static_cast<char>(parts) + profile.substr(i * most, most);
    const size_t size = part.size() + 2;
    segments += "\xFF\xE2"s + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + part;
  }
  return test::bytes_of(jpeg.insert(2, segments));
}

Bytes webp_with(const std::string& profile, const Image& image) {
  const auto side = [](int size) {
    return std::string{static_cast<char>((size - 1) & 255), static_cast<char>((size - 1) >> 8), 0};
  };
  return test::webp_of(test::webp_chunk("VP8X", "\x20\0\0\0"s + side(image.width) + side(image.height)) +
                       test::webp_chunk("ICCP", profile) + test::webp_frame(image));
}

Bytes tiff_with(const std::string& profile, Image image) {
  const test::TempDir dir;
  TIFF* tiff = TIFFOpen((dir / "a.tif").c_str(), "w");
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, image.width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, image.height);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, image.height);
  TIFFSetField(tiff, TIFFTAG_ICCPROFILE, static_cast<uint32_t>(profile.size()), profile.data());
  TIFFWriteEncodedStrip(tiff, 0, image.rgb.data(), static_cast<tmsize_t>(image.rgb.size()));
  TIFFClose(tiff);
  return test::bytes_of(read_file(dir / "a.tif"));
}

void say_nclx(heif_image* raw, uint16_t primaries, uint16_t transfer) {
  heif_color_profile_nclx* nclx = heif_nclx_color_profile_alloc();
  heif_nclx_color_profile_set_color_primaries(nclx, primaries);
  heif_nclx_color_profile_set_transfer_characteristics(nclx, transfer);
  heif_nclx_color_profile_set_matrix_coefficients(nclx, 6);
  nclx->full_range_flag = 1;
  heif_image_set_nclx_color_profile(raw, nclx);
  heif_nclx_color_profile_free(nclx);
}

void expect_middle(const Bytes& bytes, const std::array<int, 3>& wanted, int tolerance, const std::string& what) {
  const Picture picture = decode_picture(bytes, what);
  const uint8_t* pixel = picture.image.row(picture.image.height / 2) + 3 * (picture.image.width / 2);
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], wanted[static_cast<size_t>(c)], tolerance) << what << " " << c;
  EXPECT_EQ(picture.note, "") << what;
}

TEST(ColorProfile, OfEveryFormIsApplied) {
  const std::string p3 = text_of(profile_of(kP3));
  const Image image = flat(kSkin);
  const auto wanted = p3_in_srgb(kSkin);
  ASSERT_GT(wanted[0], kSkin[0] + 5);  // a profile that is passed over is seen
  expect_middle(png_with(p3, image), wanted, 1, "png");
  expect_middle(jpeg_with(p3, image), wanted, 3, "jpeg");
  expect_middle(jpeg_with(p3, image, 100), wanted, 3, "jpeg in parts");
  expect_middle(webp_with(p3, image), wanted, 6, "webp");
  expect_middle(tiff_with(p3, image), wanted, 1, "tiff");
  testing::internal::CaptureStderr();
  for (const auto kind : {test::HeifKind::heic, test::HeifKind::avif}) {
    const auto icc = test::heif_of(
        image, kind, 8, [&](heif_image* raw) { heif_image_set_raw_color_profile(raw, "prof", p3.data(), p3.size()); });
    const auto words = test::heif_of(image, kind, 8, [](heif_image* raw) { say_nclx(raw, 12, 13); });
    const std::string name = kind == test::HeifKind::heic ? "heic" : "avif";
    expect_middle(icc, wanted, 4, name);
    expect_middle(words, wanted, 4, name + " by words");
  }
  testing::internal::GetCapturedStderr();  // the encoders talk
}

std::string saved(cmsHPROFILE profile) {
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  std::string bytes(size, 0);
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  return bytes;
}

std::string linear_grey() {
  cmsToneCurve* linear = cmsBuildGamma(nullptr, 1.0);
  const std::string bytes = saved(cmsCreateGrayProfile(cmsD50_xyY(), linear));
  cmsFreeToneCurve(linear);
  return bytes;
}

TEST(ColorProfile, OfSrgbChangesNoPixel) {
  const Image image = test::gradient(64, 48);
  for (const std::string& srgb : {text_of(profile_of(kSrgb)), saved(cmsCreate_sRGBProfile())})
    EXPECT_EQ(decode_image(png_with(srgb, image), "a").rgb, image.rgb);
}

TEST(ColorProfile, OfGreyIsACurve) {
  const std::string bytes = linear_grey();
  const int wanted = static_cast<int>(std::lround(255 * signal(64 / 255.0)));
  const Bytes png = test::png_of(std::string(kSide * kSide, 64), kSide, kSide, 8, 0,
                                 test::png_chunk("iCCP", "p\0\0"s + test::deflated(bytes)));
  expect_middle(png, {wanted, wanted, wanted}, 2, "grey");
}

// Inks are shown as they are without one; what is no profile leaves the pixels alone, and the reader is told.
TEST(ColorProfile, ThatDoesNotFitIsToldAndNotApplied) {
  const Image image = flat(kSkin);
  const Image plain = decode_image(jpeg_with("", image), "a");
  const std::string p3 = text_of(profile_of(kP3));
  for (const std::string& broken :
       {"no profile at all"s, p3.substr(0, 100), p3.substr(0, 140), std::string(4000, 'x'), linear_grey()}) {
    const Picture picture = decode_picture(jpeg_with(broken, image), "a");
    EXPECT_EQ(picture.image.rgb, plain.rgb);
    EXPECT_NE(picture.note.find("colour profile cannot be applied"), std::string::npos) << picture.note;
  }
  const std::vector<uint8_t> inks(16 * 16 * 4, 128);
  std::string cmyk = text_of(test::jpeg_of(inks, 16, 16, 4));
  const Picture without = decode_picture(test::bytes_of(cmyk), "a");
  const std::string segment = "ICC_PROFILE\0\1\1"s + p3;
  const size_t size = segment.size() + 2;
  cmyk.insert(2, "\xFF\xE2"s + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + segment);
  const Picture with = decode_picture(test::bytes_of(cmyk), "a");
  EXPECT_EQ(with.image.rgb, without.image.rgb);
  EXPECT_EQ(with.note, "");
}

TEST(ColorProfile, HostileOnesAreNoMoreThanANote) {
  const std::vector<std::byte> p3 = profile_of(kP3);
  const Image image = test::gradient(16, 16);
  Rng rng(3);
  int refused = 0;
  for (int i = 0; i < 500; ++i) {
    std::vector<std::byte> bytes = p3;
    for (int changes = 1 + static_cast<int>(rng.below(8)); changes > 0; --changes)
      bytes[rng.below(static_cast<uint32_t>(bytes.size()))] = static_cast<std::byte>(rng.below(256));
    if (rng.chance(0.2)) bytes.resize(rng.below(static_cast<uint32_t>(bytes.size())));
    Image changed = image;
    if (!to_srgb(changed, bytes)) {
      ++refused;
      EXPECT_EQ(changed.rgb, image.rgb);
    }
    EXPECT_EQ(changed.rgb.size(), image.rgb.size());
  }
  EXPECT_GT(refused, 20);
}

// PQ: a grey of 18 % of SDR white has the number that an ordinary picture of it has, not the much darker one of its
// signal.
TEST(ColorProfile, HighDynamicRangeIsShownAsInVideos) {
  const double y = 0.18 * 203 / 10000, p = std::pow(y, 2610.0 / 16384);
  const double pq = std::pow((3424.0 / 4096 + 2413.0 / 128 * p) / (1 + 2392.0 / 128 * p), 2523.0 / 32);
  const auto value = static_cast<uint8_t>(std::lround(255 * pq));
  const int wanted = static_cast<int>(std::lround(255 * std::pow(0.18, 1 / 2.4)));
  testing::internal::CaptureStderr();
  for (const auto kind : {test::HeifKind::heic, test::HeifKind::avif})
    for (const int bits : {8, kind == test::HeifKind::heic ? 10 : 12})
      expect_middle(
          test::heif_of(flat({value, value, value}), kind, bits, [](heif_image* raw) { say_nclx(raw, 9, 16); }),
          {wanted, wanted, wanted}, 4, std::to_string(bits) + " bits");
  testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace fsfm
