#include "masking/masking.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "support/allocations.h"
#include "support/parsing_maps.h"

namespace fsfm {
namespace {

constexpr int kPatches = 196, kMasked = 147;
constexpr MaskStrategy kAll[] = {MaskStrategy::random, MaskStrategy::fasking_i, MaskStrategy::frp, MaskStrategy::crfr_r,
                                 MaskStrategy::crfr_p};

RegionMap face(int variant = 0) { return make_region_map(test::face_parsing_map(224, variant), 224, 224); }

struct Drawn {
  std::vector<uint8_t> masked = std::vector<uint8_t>(kPatches, 7), region = std::vector<uint8_t>(kPatches, 7);
  std::optional<RegionGroup> group;
  int count() const { return std::accumulate(masked.begin(), masked.end(), 0); }
  int region_count() const { return std::accumulate(region.begin(), region.end(), 0); }
};

Drawn draw(MaskStrategy strategy, const RegionMap& map, Rng& rng, std::optional<RegionGroup> group = std::nullopt) {
  Drawn drawn;
  drawn.group = Masker(strategy, kPatches).draw(map, rng, drawn.masked, drawn.region, group);
  return drawn;
}

int members(const RegionMap& map, RegionGroup group) {
  int count = 0;
  for (int p = 0; p < map.patches(); ++p) count += map.in_group(p, group);
  return count;
}

TEST(Masker, AlwaysMasksExactlyTheBudget) {
  Rng rng(1);
  std::vector<RegionMap> maps = {RegionMap{14, 14, std::vector<uint16_t>(kPatches, 1 << kBackground)},
                                 RegionMap{14, 14, std::vector<uint16_t>(kPatches, 1 << kNose)},
                                 RegionMap{14, 14, std::vector<uint16_t>(kPatches, 0x7ff)}};
  for (int variant = 0; variant < 10; ++variant) maps.push_back(face(variant));
  // Classes at random: groups of every size and overlap.
  for (int i = 0; i < 50; ++i) {
    RegionMap map{14, 14, std::vector<uint16_t>(kPatches)};
    for (auto& classes : map.classes) do
        classes = static_cast<uint16_t>(rng.next() & rng.next() & 0x7ff);
      while (!classes);
    maps.push_back(map);
  }
  for (const MaskStrategy strategy : kAll) {
    for (const RegionMap& map : maps) {
      for (int i = 0; i < 20; ++i) {
        const Drawn drawn = draw(strategy, map, rng);
        ASSERT_EQ(drawn.count(), kMasked) << mask_strategy_name(strategy);
        for (int p = 0; p < kPatches; ++p) ASSERT_LE(drawn.region[p], drawn.masked[p]);
        ASSERT_EQ(drawn.region_count(), drawn.group ? std::min(kMasked, members(map, *drawn.group)) : 0);
      }
    }
  }
}

TEST(Masker, TakesOtherGridsAndRatios) {
  Rng rng(2);
  const RegionMap map = make_region_map(test::face_parsing_map(64), 64, 64, 8);
  std::vector<uint8_t> masked(64), region(64);
  for (const MaskStrategy strategy : kAll) {
    for (const auto& [ratio, count] : {std::pair{0.0, 0}, {0.4, 25}, {0.9, 57}, {1.0, 64}}) {
      Masker masker(strategy, 64, ratio);
      EXPECT_EQ(masker.masked_count(), count);
      masker.draw(map, rng, masked, region);
      EXPECT_EQ(std::accumulate(masked.begin(), masked.end(), 0), count);
    }
  }
}

TEST(Masker, DrawsWithoutAllocating) {
  const RegionMap map = face();
  Rng rng(3);
  std::vector<uint8_t> masked(kPatches), region(kPatches);
  for (const MaskStrategy strategy : kAll) {
    Masker masker(strategy, kPatches);
    const size_t before = test::allocations();
    for (int i = 0; i < 10; ++i) masker.draw(map, rng, masked, region);
    EXPECT_EQ(test::allocations(), before) << mask_strategy_name(strategy);
  }
}

TEST(Masker, SameSeedSameMask) {
  const RegionMap map = face();
  for (const MaskStrategy strategy : kAll) {
    Rng a(4), b(4), c(5);
    const Drawn first = draw(strategy, map, a);
    EXPECT_EQ(first.masked, draw(strategy, map, b).masked);
    EXPECT_NE(first.masked, draw(strategy, map, c).masked);
  }
}

TEST(Masker, RandomIsUniform) {
  const RegionMap map = face();
  Rng rng(6);
  constexpr int kDraws = 4000;
  std::vector<int> hits(kPatches);
  for (int i = 0; i < kDraws; ++i) {
    const Drawn drawn = draw(MaskStrategy::random, map, rng);
    for (int p = 0; p < kPatches; ++p) hits[p] += drawn.masked[p];
  }
  for (const int hit : hits) EXPECT_NEAR(hit, .75 * kDraws, 5 * std::sqrt(kDraws * .75 * .25));
}

TEST(Masker, FrpHidesTheSameShareOfEveryRegion) {
  Rng rng(7);
  for (int variant = 0; variant < 6; ++variant) {
    const RegionMap map = face(variant);
    const Drawn drawn = draw(MaskStrategy::frp, map, rng);
    // Regions of the partition: a patch counts for the first group it belongs to.
    std::map<int, std::pair<int, int>> regions;
    for (int p = 0; p < kPatches; ++p) {
      auto& [size, hidden] = regions[std::countr_zero(static_cast<unsigned>(map.groups(p)))];
      ++size;
      hidden += drawn.masked[p];
    }
    ASSERT_GE(regions.size(), 6u);
    for (const auto& [group, counts] : regions) EXPECT_LT(std::abs(counts.second - .75 * counts.first), 1) << group;
  }
}

TEST(Masker, FaskingHidesComponentsFirst) {
  const RegionMap map = face();
  const auto is_component = [&](int p) {
    for (const RegionGroup g : {kBrows, kEyes, kNoseGroup, kMouth, kHairGroup})
      if (map.in_group(p, g)) return true;
    return false;
  };
  int components = 0;
  for (int p = 0; p < kPatches; ++p) components += is_component(p);
  ASSERT_GT(components, 20);
  Rng rng(8);
  const Drawn drawn = draw(MaskStrategy::fasking_i, map, rng);
  int hidden = 0;
  for (int p = 0; p < kPatches; ++p) hidden += is_component(p) && drawn.masked[p];
  EXPECT_EQ(hidden, std::min(components, kMasked));

  // A smaller budget than the components need: nothing else is hidden, and at most one component is hidden in part.
  Masker small(MaskStrategy::fasking_i, kPatches, .15);
  std::vector<uint8_t> masked(kPatches), region(kPatches);
  for (int i = 0; i < 50; ++i) {
    small.draw(map, rng, masked, region);
    for (int p = 0; p < kPatches; ++p) EXPECT_TRUE(!masked[p] || is_component(p));
  }
}

TEST(Masker, CrfrCoversOneRegionWhole) {
  const RegionMap map = face();
  Rng rng(9);
  for (const MaskStrategy strategy : {MaskStrategy::crfr_r, MaskStrategy::crfr_p}) {
    std::map<int, int> chosen;
    constexpr int kDraws = 3000;
    for (int i = 0; i < kDraws; ++i) {
      const Drawn drawn = draw(strategy, map, rng);
      ASSERT_TRUE(drawn.group);
      ++chosen[*drawn.group];
      for (int p = 0; p < kPatches; ++p) {
        ASSERT_EQ(drawn.region[p], map.in_group(p, *drawn.group));
        ASSERT_TRUE(drawn.masked[p] || !drawn.region[p]);
      }
    }
    ASSERT_EQ(chosen.size(), static_cast<size_t>(kFacialGroups));
    for (const auto& [group, count] : chosen)
      EXPECT_NEAR(count, kDraws / 6.0, 5 * std::sqrt(kDraws * 5 / 36.0)) << kRegionGroupNames[group];
  }
}

TEST(Masker, CrfrPKeepsTheShareInTheOtherRegions) {
  const RegionMap map = face();
  Rng rng(10);
  for (int i = 0; i < 100; ++i) {
    const Drawn drawn = draw(MaskStrategy::crfr_p, map, rng, kEyes);
    const int covered = members(map, kEyes);
    const double rate = static_cast<double>(kMasked - covered) / (kPatches - covered);
    std::map<int, std::pair<int, int>> pools;
    for (int p = 0; p < kPatches; ++p) {
      if (map.in_group(p, kEyes)) continue;
      auto& [size, hidden] = pools[std::countr_zero(static_cast<unsigned>(map.groups(p)))];
      ++size;
      hidden += drawn.masked[p];
    }
    // Each pool rounds by at most one half; the fix-up moves at most the sum of the roundings.
    for (const auto& [group, counts] : pools) EXPECT_LE(std::abs(counts.second - rate * counts.first), 4) << group;
  }
}

TEST(Masker, SkipsRegionsTheFaceDoesNotShow) {
  std::vector<uint8_t> parsing = test::face_parsing_map(224);
  for (auto& c : parsing)
    if (c != kNose && c != kBackground) c = kBackground;
  const RegionMap map = make_region_map(parsing, 224, 224);
  Rng rng(11);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(draw(MaskStrategy::crfr_p, map, rng).group, kNoseGroup);
  // The authors' mode may name an empty group: nothing is covered, the budget still holds.
  const Drawn forced = draw(MaskStrategy::crfr_p, map, rng, kMouth);
  EXPECT_EQ(forced.group, kMouth);
  EXPECT_EQ(forced.region_count(), 0);
  EXPECT_EQ(forced.count(), kMasked);
}

TEST(Masker, ALargeRegionIsCutToTheBudget) {
  const RegionMap map{14, 14, std::vector<uint16_t>(kPatches, 1 << kHair | 1 << kBackground)};
  Rng rng(12);
  const Drawn drawn = draw(MaskStrategy::crfr_p, map, rng, kHairGroup);
  EXPECT_EQ(drawn.count(), kMasked);
  EXPECT_EQ(drawn.region, drawn.masked);
}

TEST(Masker, RefusesMismatchedSizes) {
  Rng rng(13);
  std::vector<uint8_t> masked(kPatches), region(kPatches - 1);
  EXPECT_THROW(Masker(MaskStrategy::crfr_p, kPatches).draw(face(), rng, masked, region), Error);
  EXPECT_THROW(Masker(MaskStrategy::crfr_p, 64).draw(face(), rng, masked, masked), Error);
  EXPECT_THROW(Masker(MaskStrategy::crfr_p, 0), Error);
  EXPECT_THROW(Masker(MaskStrategy::crfr_p, kPatches, 1.5), Error);
}

TEST(MaskStrategy, NamesReadBack) {
  for (const MaskStrategy strategy : kAll)
    EXPECT_EQ(parse_mask_strategy(std::string(mask_strategy_name(strategy))), strategy);
  EXPECT_EQ(parse_mask_strategy("CRFR_P"), MaskStrategy::crfr_p);
  try {
    parse_mask_strategy("crfr");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("fasking-i"), std::string::npos);
  }
}

}  // namespace
}  // namespace fsfm
