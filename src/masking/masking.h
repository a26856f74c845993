// Which patches are hidden: the five strategies of the paper on a RegionMap (method.md section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "face/region_map.h"

namespace fsfm {

enum class MaskStrategy { random, fasking_i, frp, crfr_r, crfr_p };
inline constexpr int kMaskStrategies = 5;
std::string_view mask_strategy_name(MaskStrategy strategy);  // "crfr-p", ...
MaskStrategy parse_mask_strategy(const std::string& name);   // accepts - or _; throws Error listing the names

// Draws masks for maps of one grid size without allocating after construction. Thread-compatible: one per thread.
class Masker {
 public:
  // Exactly int(patches * ratio) patches are masked (147 of 196 at .75).
  Masker(MaskStrategy strategy, int patches, double ratio = 0.75);

  // Fills `masked` [patches] (1 = hidden) and `region` [patches] (1 = belongs to the wholly covered region M_fr; all
  // zero for strategies without one). `group` forces the covered region (the authors' per-batch mode passes one for the
  // whole batch); otherwise it is drawn among the first six groups that are not empty. Returns the covered group, if
  // the strategy has one; a map without any facial region is masked uniformly.
  std::optional<RegionGroup> draw(const RegionMap& map, Rng& rng, std::span<uint8_t> masked, std::span<uint8_t> region,
                                  std::optional<RegionGroup> group = std::nullopt);

  int masked_count() const { return masked_count_; }

 private:
  class Draw;
  std::optional<RegionGroup> choose_group(const RegionMap& map, Rng& rng) const;
  void cover(const RegionMap& map, std::optional<RegionGroup> group, Draw& draw);  // CRFR-R and CRFR-P
  void fasking(const RegionMap& map, Rng& rng, Draw& draw);

  MaskStrategy strategy_;
  int patches_, masked_count_;
  std::vector<uint16_t> scratch_;  // [kRegionGroups, patches]
};

}  // namespace fsfm
