#include "data/augment/scene.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/face_painter.h"

namespace fsfm {
namespace {

double mean_of_channel(const Image& image, int channel, int from, int to) {
  double sum = 0;
  for (int y = 0; y < image.height; ++y)
    for (int x = from; x < to; ++x) sum += image.row(y)[3 * x + channel];
  return sum / (image.height * (to - from));
}

TEST(Scene, ATurnedFaceIsTurnedAboutItsCentreCounterClockwise) {
  Image image(65, 65, 10);
  for (int x = 33; x < 64; ++x)  // a bright line from the centre to the right
    for (int y = 31; y < 34; ++y)
      for (int c = 0; c < 3; ++c) image.row(y)[3 * x + c] = 250;
  const Image turned = tilted(image, 90);
  EXPECT_GT(turned.row(10)[3 * 32], 200);  // now it runs up
  EXPECT_LT(turned.row(32)[3 * 54], 60);
  EXPECT_EQ(tilted(image, 0).rgb, image.rgb);
}

TEST(Scene, TheCornersOfATurnedFaceAreNotEmpty) {
  const Image turned = tilted(Image(64, 48, 200), 30);
  for (const uint8_t value : turned.rgb) ASSERT_GE(value, 199);
}

TEST(Scene, TwoLightsColourTheTwoSidesDifferently) {
  const Image grey(64, 64, 100);
  double colour = 0, sides = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    Image lit = grey;
    light_from_two_sides(lit, 0.2, rng);
    colour += std::abs(mean_of_channel(lit, 0, 0, 64) - mean_of_channel(lit, 2, 0, 64));
    sides += std::abs(mean_of_channel(lit, 0, 0, 16) - mean_of_channel(lit, 0, 48, 64));
  }
  EXPECT_GT(colour / 20, 5);
  EXPECT_GT(sides / 20, 5);
}

TEST(Scene, LightOfNoSpreadChangesNothingAndTheSameSeedGivesTheSameLight) {
  const Image face = test::paint_face(2, 96).image;
  Image unlit = face, first = face, second = face;
  Rng rng(1), a(5), b(5);
  light_from_two_sides(unlit, 0, rng);
  EXPECT_EQ(unlit.rgb, face.rgb);
  light_from_two_sides(first, 0.2, a);
  light_from_two_sides(second, 0.2, b);
  EXPECT_EQ(first.rgb, second.rgb);
  EXPECT_NE(first.rgb, face.rgb);
}

}  // namespace
}  // namespace fsfm
