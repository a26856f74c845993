// The painter is a ruler for other tests: its own promises are held here.
#include "support/face_painter.h"

#include <gtest/gtest.h>

#include <array>

#include "face/region_map.h"
#include "media/codec.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

TEST(FacePainter, EveryFaceHasTheClassesInPlausibleAmounts) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto face = test::paint_face(seed, 224);
    ASSERT_EQ(face.parsing.size(), 224u * 224u);
    std::array<double, kFaceClasses> share{};
    for (const uint8_t label : face.parsing) share.at(label) += 1.0 / (224 * 224);
    for (const int label : {kRightBrow, kLeftBrow, kRightEye, kLeftEye, kUpperLip, kLowerLip})
      EXPECT_GT(share[label], 0.002) << seed;
    EXPECT_GT(share[kNose], 0.015);
    EXPECT_GT(share[kSkin], 0.2);
    EXPECT_GT(share[kHair], 0.1);
    EXPECT_GT(share[kBackground], 0.05);
  }
}

TEST(FacePainter, RightIsTheSubjectsRight) {
  const auto face = test::paint_face(3, 224);
  const auto mean_x = [&](uint8_t label) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < face.parsing.size(); ++i)
      if (face.parsing[i] == label) sum += static_cast<double>(i % 224), ++n;
    return sum / n;
  };
  EXPECT_LT(mean_x(kRightEye), mean_x(kLeftEye));
  EXPECT_LT(mean_x(kRightBrow), mean_x(kLeftBrow));
}

TEST(FacePainter, TheSeedDecidesAndTheSizeDoesNot) {
  EXPECT_EQ(test::paint_face(5, 64).image.rgb, test::paint_face(5, 64).image.rgb);
  EXPECT_NE(test::paint_face(5, 64).image.rgb, test::paint_face(6, 64).image.rgb);
  const auto small = test::paint_face(5, 56), large = test::paint_face(5, 224);
  int equal = 0;
  for (int y = 0; y < 56; ++y)
    for (int x = 0; x < 56; ++x) equal += small.parsing[y * 56 + x] == large.parsing[(y * 4 + 2) * 224 + x * 4 + 2];
  EXPECT_GT(equal, 56 * 56 * 95 / 100);
}

TEST(FacePainter, TreesHoldReadableFaces) {
  test::TempDir dir;
  test::write_face_tree(dir.path(), "train", "real", 2, 1, 32);
  test::write_face_tree(dir.path(), "train", "fake", 1, 1, 32);
  const Image real = read_image(dir / "train/real/face_0000.png"), fake = read_image(dir / "train/fake/face_0000.png");
  EXPECT_EQ(real.width, 32);
  EXPECT_NE(real.rgb, fake.rgb);
  EXPECT_TRUE(std::filesystem::exists(dir / "train/real/face_0001.png"));
}

}  // namespace
}  // namespace fsfm
