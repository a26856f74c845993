#include "data/augment/recapture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
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

// The mean of `figure` over pictures that `made` makes with twenty seeds.
double mean_over_seeds(const std::function<double(const Image&)>& figure, Image (*made)(const Image&, Rng&),
                       const Image& face) {
  constexpr int kDraws = 20;
  double sum = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    Rng rng(seed);
    sum += figure(made(face, rng));
  }
  return sum / kDraws;
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
  const double print = mean_over_seeds(tonal_range, filmed_from_print, face),
               camera = mean_over_seeds(tonal_range, filmed, face);
  EXPECT_LT(print, 0.85 * camera);
  EXPECT_NEAR(camera, tonal_range(face), 0.05 * tonal_range(face));
}

TEST(Recapture, TheScreenShowsAndTheCameraAloneDoesNot) {
  const Image face = test::paint_face(1).image;
  const auto shift = [&](const Image& image) { return colour_shift(face, image); };
  EXPECT_GT(mean_over_seeds(shift, filmed_from_screen, face), 1.5 * mean_over_seeds(shift, filmed, face));
}

}  // namespace
}  // namespace fsfm
