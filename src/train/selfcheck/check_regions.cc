// Region maps and CRFR-P masks against regions.safetensors.
#include <cmath>

#include "face/region_map.h"
#include "masking/masking.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {
namespace {

constexpr int kDraws = 4000;
constexpr int kPatch = 16;

// How many standard errors two observed frequencies lie apart. Two successes and two failures are added to the pooled
// counts (Agresti & Caffo 2000) and the step of the rarer count is forgiven, or patches that are masked almost never or
// almost always would look significant.
double standard_errors(double reference, double reference_draws, double ours, double our_draws) {
  const double successes = reference * reference_draws + ours * our_draws + 2.0;
  const double p = successes / (reference_draws + our_draws + 4.0);
  const double error = std::sqrt(p * (1.0 - p) * (1.0 / reference_draws + 1.0 / our_draws));
  return largest_difference(std::max(0.0, std::abs(reference - ours) - 0.5 / reference_draws) / error, 0.0);
}

}  // namespace

void check_regions(Report& report) {
  const GoldenFile file = report.open("regions.safetensors");
  const auto maps = file.tensor("parsing_maps").to(torch::kByte).contiguous();  // [N,H,W]
  const auto presence = file.tensor("presence").contiguous();                   // [N,8,P]
  const auto mean_mask = file.tensor("mean_mask").contiguous();                 // [6,N,P]
  const double reference_draws = file.metadata("draws").get<double>();
  const int64_t count = maps.size(0), height = maps.size(1), width = maps.size(2);
  const int patches = static_cast<int>(presence.size(2));

  const auto expected = presence.accessor<uint8_t, 3>();
  const auto frequency = mean_mask.accessor<float, 3>();
  Masker masker(MaskStrategy::crfr_p, patches);
  std::vector<uint8_t> masked(patches), region(patches);
  std::vector<int> hits(patches);
  int64_t wrong_presence = 0, wrong_count = 0, uncovered = 0;
  double worst = 0.0;
  std::string where;
  for (int64_t n = 0; n < count; ++n) {
    const RegionMap map =
        make_region_map({maps.data_ptr<uint8_t>() + n * height * width, static_cast<size_t>(height * width)},
                        static_cast<int>(width), static_cast<int>(height), kPatch);
    for (int g = 0; g < kRegionGroups; ++g) {
      for (int p = 0; p < patches; ++p)
        wrong_presence += map.in_group(p, static_cast<RegionGroup>(g)) != (expected[n][g][p] != 0);
    }
    for (int g = 0; g < kFacialGroups; ++g) {
      const auto group = static_cast<RegionGroup>(g);
      Rng rng(0, static_cast<uint64_t>(n * kFacialGroups + g));
      std::fill(hits.begin(), hits.end(), 0);
      for (int draw = 0; draw < kDraws; ++draw) {
        masker.draw(map, rng, masked, region, group);
        int total = 0, covered = 0, members = 0;
        for (int p = 0; p < patches; ++p) {
          total += masked[p];
          hits[p] += masked[p];
          members += map.in_group(p, group);
          covered += region[p];
        }
        wrong_count += total != masker.masked_count();
        uncovered += covered != std::min(members, masker.masked_count());
      }
      for (int p = 0; p < patches; ++p) {
        const double z =
            standard_errors(frequency[g][n][p], reference_draws, static_cast<double>(hits[p]) / kDraws, kDraws);
        if (z >= worst) {
          worst = z;
          where =
              "map " + std::to_string(n) + ", " + std::string(kRegionGroupNames[g]) + ", patch " + std::to_string(p);
        }
      }
    }
  }
  report.measured("regions: presence of the 8 groups (patches that differ)", static_cast<double>(wrong_presence), 0.0);
  report.measured("regions: masks without exactly 75 % hidden", static_cast<double>(wrong_count), 0.0);
  report.measured("regions: masks that leave the chosen region uncovered", static_cast<double>(uncovered), 0.0);
  report.measured("regions: mask frequencies (standard errors)", worst, 5.0, where);
}

}  // namespace fsfm::selfcheck
