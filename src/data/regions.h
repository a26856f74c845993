// The region map of a dataset's face for any input size.
#pragma once

#include <optional>

#include "data/dataset.h"

namespace fsfm {

// For a network input of `side` pixels in patches of `patch` (side must be a multiple). `stored` are the bits that came
// with the sample, used when they are of this grid; else the bits are made from the class map. nullopt when the sample
// has neither.
std::optional<RegionMap> stored_regions(const Dataset& dataset, size_t index, std::optional<RegionMap> stored, int side,
                                        int patch);
// The same from a class map [kParsingSide * kParsingSide].
RegionMap regions_of_map(std::vector<uint8_t> map, int side, int patch);

}  // namespace fsfm
