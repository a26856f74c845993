#include "data/augment/recapture.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/face_painter.h"

namespace fsfm {
namespace {

// Mean absolute difference of the channels' differences between two pictures: what interference bands, out of phase
// between red, green and blue, change and a camera does not.
double colour_shift(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i + 2 < a.rgb.size(); i += 3)
    sum += std::abs((a.rgb[i] - a.rgb[i + 2]) - (b.rgb[i] - b.rgb[i + 2]));
  return sum / static_cast<double>(a.rgb.size() / 3);
}

TEST(Recapture, SeedsRepeatAndDiffer) {
  const Image face = test::paint_face(1).image;
  Rng a(7), b(7), c(8);
  const Image first = filmed_from_screen(face, a);
  EXPECT_EQ(first.rgb, filmed_from_screen(face, b).rgb);
  EXPECT_NE(first.rgb, filmed_from_screen(face, c).rgb);
  EXPECT_EQ(first.width, face.width);
  EXPECT_EQ(first.height, face.height);
}

TEST(Recapture, TheScreenShowsAndTheCameraAloneDoesNot) {
  const Image face = test::paint_face(1).image;
  double screen = 0, camera = 0;
  constexpr int kDraws = 20;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    Rng a(seed), b(seed);
    screen += colour_shift(face, filmed_from_screen(face, a)) / kDraws;
    camera += colour_shift(face, filmed(face, b)) / kDraws;
  }
  EXPECT_GT(screen, 1.5 * camera);
}

}  // namespace
}  // namespace fsfm
