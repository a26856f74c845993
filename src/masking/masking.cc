#include "masking/masking.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace fsfm {
namespace {

constexpr std::array<std::string_view, kMaskStrategies> kNames = {"random", "fasking-i", "frp", "crfr-r", "crfr-p"};

// What Fasking hides first: MARLIN's components; skin and background come after.
constexpr std::array<RegionGroup, 5> kComponents = {kBrows, kEyes, kNoseGroup, kMouth, kHairGroup};

}  // namespace

std::string_view mask_strategy_name(MaskStrategy strategy) { return kNames[static_cast<size_t>(strategy)]; }

MaskStrategy parse_mask_strategy(const std::string& name) {
  std::string wanted = to_lower(name);
  std::replace(wanted.begin(), wanted.end(), '_', '-');
  const auto found = std::find(kNames.begin(), kNames.end(), wanted);
  if (found == kNames.end()) {
    const std::vector<std::string> known(kNames.begin(), kNames.end());
    throw Error("unknown masking strategy '" + name + "'", "choose one of " + join(known, ", "));
  }
  return static_cast<MaskStrategy>(found - kNames.begin());
}

// One draw: the patches sorted into up to eight disjoint pools, from which patches are hidden at random.
class Masker::Draw {
 public:
  Draw(Masker& masker, Rng& rng, std::span<uint8_t> masked)
      : rng_(rng), masked_(masked), patches_(masker.patches_), pools_(masker.scratch_.data()) {}

  void add(int pool, int patch) { pools_[pool * patches_ + size_[pool]++] = static_cast<uint16_t>(patch); }
  int size(int pool) const { return size_[pool]; }

  // Hides `count` random patches of the pool and moves them to its front.
  void hide(int pool, int count) {
    uint16_t* p = pools_ + pool * patches_;
    const int n = size_[pool];
    // Half a shuffle, from the end that needs fewer random numbers: choose the hidden ones or those that stay.
    if (count <= n / 2) {
      for (int i = 0; i < count; ++i)
        std::swap(p[i], p[i + static_cast<int>(rng_.below(static_cast<uint32_t>(n - i)))]);
    } else {
      for (int i = n; i > count; --i) std::swap(p[i - 1], p[rng_.below(static_cast<uint32_t>(i))]);
    }
    for (int i = 0; i < count; ++i) masked_[p[i]] = 1;
    hidden_[pool] = count;
    total_ += count;
  }

  // Hides or shows random patches of all pools but `kept` until exactly `count` are hidden.
  void settle(int count, int kept) {
    for (; total_ != count; total_ += total_ < count ? 1 : -1) {
      const bool hide_one = total_ < count;
      const auto available = [&](int pool) {
        return pool == kept ? 0 : hide_one ? size_[pool] - hidden_[pool] : hidden_[pool];
      };
      int sum = 0, pool = 0;
      for (int g = 0; g < kRegionGroups; ++g) sum += available(g);
      int pick = static_cast<int>(rng_.below(static_cast<uint32_t>(sum)));
      while (pick >= available(pool)) pick -= available(pool++);
      // A pool keeps its hidden patches in front: the picked one moves to the border, which then moves past it.
      uint16_t* p = pools_ + pool * patches_;
      const int border = hide_one ? hidden_[pool] : hidden_[pool] - 1;
      std::swap(p[border], p[hide_one ? border + pick : pick]);
      masked_[p[border]] = hide_one;
      hidden_[pool] += hide_one ? 1 : -1;
    }
  }

 private:
  Rng& rng_;
  std::span<uint8_t> masked_;
  int patches_;
  uint16_t* pools_;  // [kRegionGroups, patches]
  std::array<int, kRegionGroups> size_{}, hidden_{};
  int total_ = 0;
};

Masker::Masker(MaskStrategy strategy, int patches, double ratio) : strategy_(strategy), patches_(patches) {
  if (patches < 1 || patches > 65535) throw Error("masking needs 1 to 65535 patches, not " + std::to_string(patches));
  if (!(ratio >= 0 && ratio <= 1)) throw Error("mask ratio " + std::to_string(ratio) + " is outside 0..1");
  masked_count_ = static_cast<int>(patches * ratio);
  scratch_.resize(static_cast<size_t>(kRegionGroups) * patches);
}

std::optional<RegionGroup> Masker::draw(const RegionMap& map, Rng& rng, std::span<uint8_t> masked,
                                        std::span<uint8_t> region, std::optional<RegionGroup> group) {
  const auto wanted = static_cast<size_t>(patches_);
  if (map.classes.size() != wanted || masked.size() != wanted || region.size() != wanted)
    throw Error("a mask of " + std::to_string(patches_) + " patches was asked for a map of " +
                    std::to_string(map.classes.size()),
                "the parsing map's grid must be the model's");
  std::fill(masked.begin(), masked.end(), 0);
  std::fill(region.begin(), region.end(), 0);
  Draw draw(*this, rng, masked);

  switch (strategy_) {
    case MaskStrategy::random: {
      for (int p = 0; p < patches_; ++p) draw.add(0, p);
      draw.hide(0, masked_count_);
      return std::nullopt;
    }
    case MaskStrategy::fasking_i: {
      fasking(map, rng, draw);
      return std::nullopt;
    }
    case MaskStrategy::frp: {
      for (int p = 0; p < patches_; ++p) draw.add(std::countr_zero(map.groups(p) | 0x80u), p);
      // Systematic rounding with a random start: every pool gets the floor or the ceiling of its share, in the mean
      // exactly its share, and the sum is exact.
      int64_t before = 0, seen = 0;
      const int64_t start = rng.below(static_cast<uint32_t>(patches_));
      for (int pool = 0; pool < kRegionGroups; ++pool) {
        seen += draw.size(pool);
        const int64_t until = (seen * masked_count_ + start) / patches_;
        draw.hide(pool, static_cast<int>(until - before));
        before = until;
      }
      return std::nullopt;
    }
    case MaskStrategy::crfr_r:
    case MaskStrategy::crfr_p:
      break;
  }
  if (!group) group = choose_group(map, rng);
  cover(map, group, draw);
  if (group)
    for (int p = 0; p < patches_; ++p) region[p] = masked[p] & static_cast<uint8_t>(map.in_group(p, *group));
  return group;
}

std::optional<RegionGroup> Masker::choose_group(const RegionMap& map, Rng& rng) const {
  unsigned present = 0;
  for (int p = 0; p < patches_; ++p) present |= map.groups(p);
  present &= (1u << kFacialGroups) - 1;
  if (!present) return std::nullopt;
  for (uint32_t skip = rng.below(static_cast<uint32_t>(std::popcount(present))); skip > 0; --skip)
    present &= present - 1;
  return static_cast<RegionGroup>(std::countr_zero(present));
}

void Masker::cover(const RegionMap& map, std::optional<RegionGroup> group, Draw& draw) {
  // Pool g = the covered region; every other patch goes to the first group it belongs to (CRFR-P: "not assigned to an
  // earlier group") or to one common pool (CRFR-R: "the rest uniformly").
  const int covered = group ? *group : kRegionGroups;  // kRegionGroups: no facial region at all
  const int common = covered == 0 ? 1 : 0;
  const bool uniform = strategy_ == MaskStrategy::crfr_r;
  for (int p = 0; p < patches_; ++p) {
    const unsigned groups = map.groups(p);
    const int rest = uniform ? common : std::countr_zero(groups | 0x80u);
    draw.add(groups >> covered & 1 ? covered : rest, p);
  }
  const int inside = group ? draw.size(covered) : 0;
  if (inside >= masked_count_) {
    draw.hide(covered, masked_count_);
    return;
  }
  if (group) draw.hide(covered, inside);
  const double rate = static_cast<double>(masked_count_ - inside) / (patches_ - inside);
  for (int pool = 0; pool < kRegionGroups; ++pool)
    if (pool != covered) draw.hide(pool, static_cast<int>(std::nearbyint(rate * draw.size(pool))));
  draw.settle(masked_count_, covered);
}

void Masker::fasking(const RegionMap& map, Rng& rng, Draw& draw) {
  std::array<RegionGroup, kComponents.size()> order = kComponents;
  rng.shuffle(std::span<RegionGroup>(order));
  // A patch of several components goes with the one drawn first; pool 5 holds the patches of none.
  constexpr int kRest = kComponents.size();
  for (int p = 0; p < patches_; ++p) {
    const unsigned groups = map.groups(p);
    int pool = 0;
    while (pool < kRest && !(groups >> order[static_cast<size_t>(pool)] & 1)) ++pool;
    draw.add(pool, p);
  }
  int budget = masked_count_;
  for (int pool = 0; pool <= kRest; ++pool) {
    const int count = std::min(budget, draw.size(pool));
    draw.hide(pool, count);
    budget -= count;
  }
}

}  // namespace fsfm
