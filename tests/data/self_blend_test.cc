#include "data/augment/self_blend.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "support/face_painter.h"

namespace fsfm {
namespace {

double mean_change(const Image& a, const Image& b, const std::vector<uint8_t>& alpha, bool inside) {
  double sum = 0;
  size_t n = 0;
  for (size_t p = 0; p < alpha.size(); ++p) {
    if ((alpha[p] > 127) != inside) continue;
    for (int c = 0; c < 3; ++c) sum += std::abs(int{a.rgb[p * 3 + c]} - int{b.rgb[p * 3 + c]});
    n += 3;
  }
  return n ? sum / static_cast<double>(n) : 0;
}

TEST(SelfBlend, SameSeedSameFake) {
  const auto face = test::paint_face(3);
  Rng a(9), b(9), c(10);
  const auto first = self_blend(face.image, face.parsing, 224, a),
             second = self_blend(face.image, face.parsing, 224, b);
  const auto other = self_blend(face.image, face.parsing, 224, c);
  ASSERT_TRUE(first && second && other);
  EXPECT_EQ(first->image.rgb, second->image.rgb);
  EXPECT_NE(first->image.rgb, other->image.rgb);
}

TEST(SelfBlend, ChangesTheFaceAndStaysBelievable) {
  int whole_face = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto face = test::paint_face(seed);
    Rng rng(seed);
    const auto fake = self_blend(face.image, face.parsing, 224, rng);
    ASSERT_TRUE(fake);
    EXPECT_NE(fake->image.rgb, face.image.rgb);
    const double change = mean_change(fake->image, face.image, fake->alpha, true);
    EXPECT_LT(change, 90) << "seed " << seed;
    whole_face += fake->region == BlendRegion::face;
  }
  EXPECT_GT(whole_face, 8);  // about 70 % by default
  EXPECT_LT(whole_face, 20);
}

TEST(SelfBlend, FollowsAMapOfAnotherSize) {
  const auto face = test::paint_face(4, 160);
  Rng rng(1);
  const auto fake = self_blend(face.image, face.parsing, 160, rng, {.single_region = 0});
  ASSERT_TRUE(fake);
  EXPECT_EQ(fake->image.width, 160);
  EXPECT_EQ(fake->alpha.size(), 160u * 160u);
  EXPECT_EQ(fake->region, BlendRegion::face);
}

TEST(SelfBlend, NoFaceNoFake) {
  Rng rng(1);
  const std::vector<uint8_t> background(224 * 224, 0);
  EXPECT_FALSE(self_blend(Image(224, 224, 90), background, 224, rng));
  EXPECT_THROW(self_blend(Image(224, 224, 90), background, 200, rng), Error);
}

}  // namespace
}  // namespace fsfm
