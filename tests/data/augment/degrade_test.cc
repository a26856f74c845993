#include "data/augment/degrade.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "support/face_painter.h"

namespace fsfm {
namespace {

double distance(const Image& a, const Image& b) {
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

TEST(Degrade, EachStepIsStrongerThanTheOneBefore) {
  const Image face = test::paint_face(2, 160).image;
  for (const Degradation kind : all_degradations()) {
    double before = 0;
    for (int strength = 1; strength <= kDegradationLevels; ++strength) {
      Rng rng(7);
      const Image out = degrade(face, kind, strength, rng);
      ASSERT_EQ(out.width, face.width);
      ASSERT_EQ(out.height, face.height);
      const double now = distance(face, out);
      EXPECT_GT(now, before) << degradation_name(kind) << " " << strength;
      before = now;
    }
    EXPECT_GT(before, 2.0) << degradation_name(kind);
  }
}

TEST(Degrade, StrengthZeroChangesNothingAndFractionsLieBetween) {
  const Image face = test::paint_face(2, 96).image;
  for (const Degradation kind : all_degradations()) {
    Rng rng(7), a(7), b(7), c(7);
    EXPECT_EQ(degrade(face, kind, 0, rng).rgb, face.rgb);
    const double low = distance(face, degrade(face, kind, 3, a)), middle = distance(face, degrade(face, kind, 3.5, b));
    EXPECT_GT(middle, low) << degradation_name(kind);
    EXPECT_GT(distance(face, degrade(face, kind, 4, c)), middle) << degradation_name(kind);
  }
}

TEST(Degrade, TheSeedDecides) {
  const Image face = test::paint_face(2, 64).image;
  for (const Degradation kind : all_degradations()) {
    Rng a(3), b(3);
    EXPECT_EQ(degrade(face, kind, 3, a).rgb, degrade(face, kind, 3, b).rgb);
  }
  Rng a(3), b(4);
  EXPECT_NE(degrade(face, Degradation::noise, 3, a).rgb, degrade(face, Degradation::noise, 3, b).rgb);
}

// Grain of a few levels goes, an edge of a hundred stays: what tells noise reduction from blur.
TEST(Degrade, DenoisingKeepsEdges) {
  Image image(64, 64, 60);
  Rng rng(1);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64 * 3; ++x) image.row(y)[x] = static_cast<uint8_t>((x < 32 * 3 ? 60 : 180) + rng.below(9));
  const auto grain = [](const Image& picture) {
    double sum = 0;
    for (int y = 8; y < 56; ++y)
      for (int x = 8; x < 24; ++x) sum += std::abs(picture.row(y)[3 * x] - picture.row(y)[3 * x + 3]);
    return sum / (48 * 16);
  };
  const auto edge = [](const Image& picture) { return picture.row(32)[3 * 32] - picture.row(32)[3 * 31]; };
  const Image smooth = degrade(image, Degradation::denoise, 3, rng);
  EXPECT_LT(grain(smooth), 0.6 * grain(image));
  EXPECT_GT(edge(smooth), 110);
  EXPECT_LT(edge(degrade(image, Degradation::blur, 5, rng)), 90);
  EXPECT_GT(grain(degrade(image, Degradation::sharpen, 3, rng)), 1.5 * grain(image));
}

TEST(Degrade, NamesRoundTripAndMistakesListTheKnown) {
  for (const Degradation kind : all_degradations())
    EXPECT_EQ(parse_degradation(std::string(degradation_name(kind))), kind);
  EXPECT_EQ(describe_strength(Degradation::jpeg, 3), "quality 45 twice");
  EXPECT_EQ(describe_strength(Degradation::blur, 4), "sigma 2.4");
  try {
    parse_degradation("fog");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("moire"), std::string::npos);
  }
  Rng rng(1);
  EXPECT_THROW(degrade(Image(4, 4), Degradation::jpeg, 6, rng), Error);
  EXPECT_THROW(degrade(Image(4, 4), Degradation::jpeg, NAN, rng), Error);
}

TEST(Degrade, TinyPicturesSurviveEverything) {
  Rng rng(1);
  for (const Degradation kind : all_degradations()) EXPECT_EQ(degrade(Image(1, 2, 50), kind, 5, rng).rgb.size(), 6u);
}

TEST(Degrade, RandomAugmentationKeepsItsProbability) {
  const Image face = test::paint_face(1, 32).image;
  Rng rng(5);
  int changed = 0;
  for (int i = 0; i < 300; ++i) changed += degrade_randomly(face, all_degradations(), 0.3, 3, rng).rgb != face.rgb;
  EXPECT_NEAR(changed, 90, 35);
  EXPECT_EQ(degrade_randomly(face, all_degradations(), 0, 5, rng).rgb, face.rgb);
}

}  // namespace
}  // namespace fsfm
