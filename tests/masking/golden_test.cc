// Region maps and CRFR-P masks against the published implementation's (tests/golden/regions.safetensors).
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "masking/masking.h"
#include "model/model_file.h"
#include "support/paths.h"

namespace fsfm {
namespace {

constexpr int kGoldenSide = 224, kGoldenPatches = 196;

class GoldenRegions : public testing::Test {
 protected:
  const ModelFile file_ = ModelFile::open(test::golden("regions.safetensors"), false);
  const TensorView& maps_ = file_.tensor("parsing_maps");  // [N, 224, 224] int8
  const int count_ = static_cast<int>(maps_.shape[0]);

  RegionMap region_map(int n) const {
    const auto* first =
        reinterpret_cast<const uint8_t*>(maps_.bytes.data()) + static_cast<size_t>(n) * kGoldenSide * kGoldenSide;
    return make_region_map({first, kGoldenSide * kGoldenSide}, kGoldenSide, kGoldenSide);
  }
};

TEST_F(GoldenRegions, PresenceIsExact) {
  const std::vector<float> presence = file_.tensor("presence").to_float();  // [N, 8, 196]
  for (int n = 0; n < count_; ++n) {
    const RegionMap map = region_map(n);
    for (int g = 0; g < kRegionGroups; ++g)
      for (int p = 0; p < kGoldenPatches; ++p)
        ASSERT_EQ(map.in_group(p, static_cast<RegionGroup>(g)),
                  presence[(n * kRegionGroups + g) * kGoldenPatches + p] != 0)
            << "map " << n << " group " << kRegionGroupNames[g] << " patch " << p;
  }
}

TEST_F(GoldenRegions, MaskFrequenciesAgree) {
  constexpr int kDraws = 1200, kTheirDraws = 400;
  const std::vector<float> theirs = file_.tensor("mean_mask").to_float();  // [6, N, 196]
  Rng rng(17);
  Masker masker(MaskStrategy::crfr_p, kGoldenPatches);
  std::vector<uint8_t> masked(kGoldenPatches), region(kGoldenPatches);
  for (int g = 0; g < kFacialGroups; ++g) {
    for (int n = 0; n < count_; ++n) {
      const RegionMap map = region_map(n);
      std::vector<int> hits(kGoldenPatches);
      for (int d = 0; d < kDraws; ++d) {
        masker.draw(map, rng, masked, region, static_cast<RegionGroup>(g));
        ASSERT_EQ(std::accumulate(masked.begin(), masked.end(), 0), 147);
        for (int p = 0; p < kGoldenPatches; ++p) hits[p] += masked[p];
      }
      for (int p = 0; p < kGoldenPatches; ++p) {
        const double other = theirs[(g * count_ + n) * kGoldenPatches + p];
        // Standard error of the difference, from the pooled frequency.
        const double pooled = (hits[p] + other * kTheirDraws) / (kDraws + kTheirDraws);
        const double error = std::sqrt(pooled * (1 - pooled) * (1.0 / kDraws + 1.0 / kTheirDraws));
        ASSERT_LE(std::abs(hits[p] / static_cast<double>(kDraws) - other), 5 * error + 1e-9)
            << "group " << kRegionGroupNames[g] << " map " << n << " patch " << p;
      }
    }
  }
}

}  // namespace
}  // namespace fsfm
