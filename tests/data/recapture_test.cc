#include "data/augment/recapture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

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

// How far a tenth of the values lies from the next: the reach between the darkest and the lightest tenth.
double tonal_range(const Image& image) {
  std::vector<uint8_t> values = image.rgb;
  std::sort(values.begin(), values.end());
  return values[values.size() * 9 / 10] - values[values.size() / 10];
}

TEST(Recapture, SeedsRepeatAndDiffer) {
  const Image face = test::paint_face(1).image;
  for (Image (*recapture)(const Image&, Rng&) : {filmed_from_screen, filmed_from_print}) {
    Rng a(7), b(7), c(8);
    const Image first = recapture(face, a);
    EXPECT_EQ(first.rgb, recapture(face, b).rgb);
    EXPECT_NE(first.rgb, recapture(face, c).rgb);
    EXPECT_EQ(first.width, face.width);
    EXPECT_EQ(first.height, face.height);
    EXPECT_EQ(recapture(Image(1, 2, 50), a).rgb.size(), 6u);
  }
}

TEST(Recapture, PaperNarrowsTheTonesAndTheCameraAloneDoesNot) {
  const Image face = test::paint_face(1).image;
  double print = 0, camera = 0;
  constexpr int kDraws = 20;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    Rng a(seed), b(seed);
    print += tonal_range(filmed_from_print(face, a)) / kDraws;
    camera += tonal_range(filmed(face, b)) / kDraws;
  }
  EXPECT_LT(print, 0.85 * camera);
  EXPECT_NEAR(camera, tonal_range(face), 0.05 * tonal_range(face));
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
