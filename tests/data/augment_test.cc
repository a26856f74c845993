#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/augment/color.h"
#include "data/augment/erasing.h"
#include "data/augment/geometry.h"
#include "data/augment/rand_augment.h"
#include "support/face_painter.h"

namespace fsfm {
namespace {

TEST(Geometry, CropsLieInsideAndKeepTheirArea) {
  Rng rng(1);
  for (int i = 0; i < 500; ++i) {
    const Rect rect = random_crop_rect(200, 120, 0.2, rng);
    ASSERT_GE(rect.left, 0);
    ASSERT_GE(rect.top, 0);
    ASSERT_LE(rect.right(), 200);
    ASSERT_LE(rect.bottom(), 120);
    ASSERT_GE(rect.width * rect.height, 0.18 * 200 * 120);
  }
  const Rect thin = random_crop_rect(1000, 3, 0.9, rng);  // no legal rectangle is large enough: the centre
  EXPECT_EQ(thin.height, 3);
  EXPECT_EQ(thin.width, 4);
}

TEST(Geometry, FlipTwiceIsNothing) {
  const Image face = test::paint_face(3, 33).image;
  Image twice = face;
  flip_horizontally(twice);
  EXPECT_NE(twice.rgb, face.rgb);
  flip_horizontally(twice);
  EXPECT_EQ(twice.rgb, face.rgb);
}

TEST(Geometry, WarpMovesByWholePixelsAndFillsTheRest) {
  Image image(4, 2);
  std::iota(image.rgb.begin(), image.rgb.end(), uint8_t{1});
  EXPECT_EQ(warp_affine(image, {1, 0, 0, 0, 1, 0}, {9, 9, 9}).rgb, image.rgb);
  const Image moved = warp_affine(image, {1, 0, 1, 0, 1, 0}, {9, 9, 9});
  EXPECT_EQ(moved.row(0)[0], image.row(0)[3]);
  EXPECT_EQ(moved.row(1)[9], 9);
}

TEST(Color, FactorOneIsNothingAndExtremesAreWhatTheySay) {
  const Image face = test::paint_face(3, 32).image;
  for (const auto enhance : {enhance_color, enhance_contrast, enhance_brightness, enhance_sharpness}) {
    Image same = face;
    enhance(same, 1.0);
    EXPECT_EQ(same.rgb, face.rgb);
  }
  Image grey = face, black = face;
  enhance_color(grey, 0);
  for (size_t i = 0; i < grey.rgb.size(); i += 3) EXPECT_EQ(grey.rgb[i], grey.rgb[i + 2]);
  enhance_brightness(black, 0);
  EXPECT_EQ(*std::max_element(black.rgb.begin(), black.rgb.end()), 0);
}

TEST(Color, TablesOfPillow) {
  Image image(2, 1);
  image.rgb = {10, 100, 200, 60, 100, 250};
  Image stretched = image, inverted = image, posterized = image, solarized = image, added = image;
  auto_contrast(stretched);
  EXPECT_EQ(stretched.rgb, (std::vector<uint8_t>{0, 100, 0, 255, 100, 255}));
  invert(inverted);
  EXPECT_EQ(inverted.rgb[0], 245);
  posterize(posterized, 1);
  EXPECT_EQ(posterized.rgb, (std::vector<uint8_t>{0, 0, 128, 0, 0, 128}));
  solarize(solarized, 128);
  EXPECT_EQ(solarized.rgb, (std::vector<uint8_t>{10, 100, 55, 60, 100, 5}));
  solarize_add(added, 50);
  EXPECT_EQ(added.rgb, (std::vector<uint8_t>{60, 150, 200, 110, 150, 250}));
}

TEST(Color, SaturationKeepsTheBrightestChannel) {
  Image image(1, 1);
  image.rgb = {200, 150, 100};
  scale_saturation(image, 0.5);
  EXPECT_EQ(image.rgb, (std::vector<uint8_t>{200, 175, 150}));
  scale_saturation(image, 100);
  EXPECT_EQ(image.rgb[0], 200);
  EXPECT_EQ(image.rgb[2], 0);
}

TEST(RandAugment, IsSeededAndChangesMostPictures) {
  const Image face = test::paint_face(5, 64).image;
  int changed = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Rng a(seed), b(seed);
    const Image first = rand_augment(face, {}, a);
    EXPECT_EQ(first.rgb, rand_augment(face, {}, b).rgb);
    EXPECT_EQ(first.width, 64);
    changed += first.rgb != face.rgb;
  }
  EXPECT_GT(changed, 60);  // three of four have at least one operation
  EXPECT_LT(changed, 90);
}

TEST(Erasing, ErasesOneRectangleOfNoiseAsOftenAsAsked) {
  int erased = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<float> chw(3 * 32 * 32, 100.0f);
    Rng rng(seed);
    random_erasing(chw, 32, 0.25, rng);
    const auto noise = std::count_if(chw.begin(), chw.end(), [](float v) { return v < 50; });
    erased += noise > 0;
    EXPECT_LE(noise, 3 * 32 * 32 * 0.4);
  }
  EXPECT_NEAR(erased, 50, 25);
}

}  // namespace
}  // namespace fsfm
