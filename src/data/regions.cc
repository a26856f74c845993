#include "data/regions.h"

#include <utility>

#include "data/unreadable.h"
#include "media/resize.h"

namespace fsfm {

std::optional<RegionMap> stored_regions(const Dataset& dataset, size_t index, std::optional<RegionMap> stored, int side,
                                        int patch) {
  const int grid = side / patch;
  if (stored && stored->grid_width == grid && stored->grid_height == grid) return stored;
  auto map = read_parsing(dataset, index);
  if (!map) return std::nullopt;
  return regions_of_map(*std::move(map), side, patch);
}

RegionMap regions_of_map(std::vector<uint8_t> map, int side, int patch) {
  if (side != kParsingSide) map = resize_nearest(map, kParsingSide, kParsingSide, side, side);
  return make_region_map(map, side, side, patch);
}

}  // namespace fsfm
