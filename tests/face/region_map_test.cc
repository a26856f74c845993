#include "face/region_map.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"
#include "support/parsing_maps.h"

namespace fsfm {
namespace {

std::vector<uint8_t> noise_map(int width, int height, uint64_t seed) {
  Rng rng(seed);
  std::vector<uint8_t> map(static_cast<size_t>(width) * height);
  for (auto& c : map) c = static_cast<uint8_t>(rng.below(kFaceClasses));
  return map;
}

TEST(RegionMap, EqualsTheDefinitionForEveryPatchSize) {
  for (const auto& [width, height, patch] :
       {std::array{224, 224, 16}, {224, 224, 14}, {64, 32, 8}, {21, 14, 7}, {48, 48, 48}, {1056, 16, 16}, {5, 3, 1}}) {
    std::vector<uint8_t> parsing = noise_map(width, height, 3);
    // Most of the picture one class, so that absent classes are common.
    for (size_t i = 0; i < parsing.size(); ++i)
      if (i % 97) parsing[i] = kSkin;
    const RegionMap map = make_region_map(parsing, width, height, patch);
    ASSERT_EQ(map.grid_width, width / patch);
    ASSERT_EQ(map.grid_height, height / patch);
    for (int p = 0; p < map.patches(); ++p) {
      unsigned bits = 0;
      for (int y = 0; y < patch; ++y)
        for (int x = 0; x < patch; ++x)
          bits |= 1u << parsing[static_cast<size_t>((p / map.grid_width) * patch + y) * width +
                                (p % map.grid_width) * patch + x];
      ASSERT_EQ(map.classes[p], bits) << width << " patch " << patch << " at " << p;
    }
  }
}

TEST(RegionMap, BoundaryIsWhereSkinMeetsHairOrBackground) {
  RegionMap map{
      4, 1, {1 << kSkin, 1 << kSkin | 1 << kHair, 1 << kSkin | 1 << kBackground, 1 << kHair | 1 << kBackground}};
  EXPECT_FALSE(map.in_group(0, kBoundary));
  EXPECT_TRUE(map.in_group(1, kBoundary));
  EXPECT_TRUE(map.in_group(2, kBoundary));
  EXPECT_FALSE(map.in_group(3, kBoundary));
  EXPECT_TRUE(map.in_group(3, kHairGroup));
  EXPECT_TRUE(map.in_group(3, kBackgroundGroup));
}

TEST(RegionMap, EveryPatchHasAGroup) {
  for (int variant = 0; variant < 5; ++variant) {
    const RegionMap map = make_region_map(test::face_parsing_map(224, variant), 224, 224);
    for (int p = 0; p < map.patches(); ++p) EXPECT_NE(map.groups(p), 0);
  }
}

TEST(RegionMap, RefusesBadInput) {
  std::vector<uint8_t> parsing(224 * 224, kSkin);
  EXPECT_THROW(make_region_map(parsing, 224, 224, 15), Error);
  EXPECT_THROW(make_region_map(parsing, 224, 224, 0), Error);
  EXPECT_THROW(make_region_map(parsing, 224, 240, 16), Error);
  EXPECT_THROW(make_region_map({}, 0, 0, 16), Error);
  for (const int bad : {11, 16, 255}) {
    for (const size_t at : {size_t{0}, parsing.size() - 1}) {
      std::vector<uint8_t> broken = parsing;
      broken[at] = static_cast<uint8_t>(bad);
      EXPECT_THROW(make_region_map(broken, 224, 224), Error) << bad;
    }
  }
}

}  // namespace
}  // namespace fsfm
