#include "media/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"

namespace fsfm {
namespace {

TEST(Resize, KeepsAConstantPictureConstant) {
  for (const Kernel kernel : {Kernel::bilinear, Kernel::bicubic, Kernel::lanczos})
    for (const auto& [w, h] : {std::pair{1, 1}, {7, 300}, {64, 9}}) {
      const Image out = resize(Image(33, 50, 201), w, h, kernel);
      EXPECT_EQ(out.width, w);
      EXPECT_EQ(out.height, h);
      for (const uint8_t value : out.rgb) ASSERT_EQ(value, 201);
    }
}

TEST(Resize, AntialiasesWhenShrinking) {
  Image stripes(64, 64);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) std::fill_n(stripes.row(y) + x * 3, 3, x % 2 ? 255 : 0);
  const Image out = resize(stripes, 8, 8, Kernel::bicubic);
  for (int x = 1; x < 7; ++x) EXPECT_NEAR(out.row(4)[x * 3], 128, 3);
}

TEST(Resize, ShorterSideFollowsTheIntegerRule) {
  const Image wide = resize_shorter(Image(277, 311), 256);
  EXPECT_EQ(wide.width, 256);
  EXPECT_EQ(wide.height, 287);  // int(256 * 311 / 277) = int(287.42)
  const Image tall = resize_shorter(Image(1920, 1080), 256);
  EXPECT_EQ(tall.width, 455);
  EXPECT_EQ(tall.height, 256);
  EXPECT_THROW(resize_shorter(Image(100'000, 1), 256), Error);
}

TEST(Resize, CenterCropRoundsHalfToEven) {
  Image ramp(7, 4);
  for (int x = 0; x < 7; ++x) ramp.row(0)[x * 3] = ramp.row(2)[x * 3] = static_cast<uint8_t>(10 * x);
  EXPECT_EQ(center_crop(ramp, 2).row(1)[0], 20);  // (7 - 2) / 2 = 2.5 -> 2; rows 1 and 2
  EXPECT_EQ(center_crop(ramp, 4).row(0)[0], 20);  // 1.5 -> 2
}

TEST(Resize, CenterCropPadsASmallPictureWithBlack) {
  const Image out = center_crop(Image(2, 2, 99), 5);
  EXPECT_EQ(std::accumulate(out.rgb.begin(), out.rgb.end(), 0), 4 * 3 * 99);
  EXPECT_EQ(out.row(1)[1 * 3], 99);
  EXPECT_EQ(out.row(3)[3 * 3], 0);
}

TEST(Resize, NearestKeepsClassesAndBlocks) {
  const std::vector<uint8_t> map = {1, 2, 3, 4};
  EXPECT_EQ(resize_nearest(map, 2, 2, 4, 4), (std::vector<uint8_t>{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}));
  EXPECT_EQ(resize_nearest(resize_nearest(map, 2, 2, 6, 6), 6, 6, 2, 2), map);
  EXPECT_THROW(resize_nearest(map, 3, 2, 4, 4), Error);
}

TEST(Resize, RefusesNonsense) {
  EXPECT_THROW(resize(Image(), 2, 2), Error);
  EXPECT_THROW(resize(Image(2, 2), 0, 2), Error);
  EXPECT_THROW(crop(Image(4, 4), {2, 0, 3, 1}), Error);
  EXPECT_THROW(crop(Image(4, 4), {0, 2147483647, 1, 2147483647}), Error);
}

}  // namespace
}  // namespace fsfm
