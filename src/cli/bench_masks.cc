// fsfm bench masks: a batch of parsing maps to region bits and masks, on one thread.
#include "base/rng.h"
#include "cli/bench.h"
#include "masking/masking.h"

namespace fsfm::cli {
namespace {

constexpr int kMapSide = 224, kMaps = 256;

// A face-like map: hair, skin and features as boxes whose places vary. bench/peers/masks.py draws the same.
std::vector<uint8_t> synthetic_map(Rng& rng) {
  std::vector<uint8_t> map(kMapSide * kMapSide, kBackground);
  const auto box = [&](FaceClass c, int x, int y, int width, int height) {
    x += static_cast<int>(rng.below(17)) - 8;
    y += static_cast<int>(rng.below(17)) - 8;
    for (int v = y; v < y + height; ++v)
      for (int u = x; u < x + width; ++u) map[static_cast<size_t>(v) * kMapSide + u] = c;
  };
  box(kHair, 40, 16, 144, 150);
  box(kSkin, 56, 56, 112, 140);
  box(kRightBrow, 66, 76, 34, 7);
  box(kLeftBrow, 124, 76, 34, 7);
  box(kRightEye, 70, 90, 28, 12);
  box(kLeftEye, 126, 90, 28, 12);
  box(kNose, 98, 92, 28, 44);
  box(kUpperLip, 88, 150, 48, 7);
  box(kInnerMouth, 92, 156, 40, 5);
  box(kLowerLip, 90, 160, 44, 9);
  return map;
}

}  // namespace

std::vector<BenchCase> bench_masks(const MeasureOptions& options) {
  Rng rng(11);
  std::vector<std::vector<uint8_t>> parsing;
  std::vector<RegionMap> regions;
  for (int i = 0; i < kMaps; ++i) {
    parsing.push_back(synthetic_map(rng));
    regions.push_back(make_region_map(parsing.back(), kMapSide, kMapSide));
  }
  const int patches = regions[0].patches();
  std::vector<uint8_t> masked(patches), region(patches);

  std::vector<BenchCase> cases;
  // Every case goes over all maps, as a batch does: they do not fit the inner caches.
  const auto add = [&](const std::string& name, auto&& one) {
    const Timing timing = measure(
        [&] {
          for (int i = 0; i < kMaps; ++i) one(i);
        },
        options);
    cases.push_back({name, timing, kMaps, "images"});
  };
  Masker crfr_p(MaskStrategy::crfr_p, patches);
  add("256 parsing maps to crfr-p masks", [&](int i) {
    crfr_p.draw(make_region_map(parsing[i], kMapSide, kMapSide), rng, masked, region);
    keep(masked.data());
  });
  add("  parsing map to region map",
      [&](int i) { keep(make_region_map(parsing[i], kMapSide, kMapSide).classes.data()); });
  for (int s = 0; s < kMaskStrategies; ++s) {
    const auto strategy = static_cast<MaskStrategy>(s);
    Masker masker(strategy, patches);
    add("  region map to " + std::string(mask_strategy_name(strategy)) + " mask", [&](int i) {
      masker.draw(regions[i], rng, masked, region);
      keep(masked.data());
    });
  }
  return cases;
}

}  // namespace fsfm::cli
