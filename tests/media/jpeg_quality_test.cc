#include "media/jpeg_quality.h"

#include <gtest/gtest.h>

#include "media/codec.h"
#include "support/face_painter.h"

namespace fsfm {
namespace {

TEST(JpegQuality, OfAnEarlierCompressionIsFoundInThePixels) {
  const Image clean = test::paint_face(2, 256).image;
  EXPECT_EQ(estimate_earlier_jpeg_quality(clean, 0), 0);
  const auto again = [](const Image& image, int quality) { return decode_image(encode_jpeg(image, quality), "x"); };
  EXPECT_EQ(estimate_earlier_jpeg_quality(again(clean, 90), 90), 0);
  for (const int quality : {55, 70, 75, 82}) {
    const Image once = again(clean, quality);
    EXPECT_NEAR(estimate_earlier_jpeg_quality(once, 0), quality, 1);  // stored without loss
    EXPECT_NEAR(estimate_earlier_jpeg_quality(again(once, 92), 92), quality, 2);
    EXPECT_EQ(estimate_earlier_jpeg_quality(crop(once, {3, 5, 240, 240}), 0), 0);  // off the grid
  }
  EXPECT_EQ(estimate_earlier_jpeg_quality(Image(5, 5), 0), 0);
}

TEST(JpegQuality, IsReadFromTheTables) {
  const Image image = test::paint_face(2).image;
  for (const int quality : {30, 50, 75, 90, 95}) EXPECT_EQ(estimate_jpeg_quality(encode_jpeg(image, quality)), quality);
  EXPECT_EQ(estimate_jpeg_quality(encode_png(image)), 0);
  auto cut = encode_jpeg(image, 80);
  for (const size_t size : {0, 1, 3, 10, 30}) {
    EXPECT_EQ(estimate_jpeg_quality(std::span(cut).first(size)), 0);
  }
}

}  // namespace
}  // namespace fsfm
