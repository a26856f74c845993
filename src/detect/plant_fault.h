// Faults put into real faces on purpose, to see whether an explanation finds them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "face/parser.h"
#include "face/region_map.h"
#include "media/image.h"

namespace fsfm {

enum class Fault { mouth, eye, cheek };
inline constexpr std::array kFaults = {Fault::mouth, Fault::eye, Fault::cheek};
std::string fault_name(Fault fault);
// Is this the region that an explanation should name for the fault?
bool is_region_of(Fault fault, RegionGroup region);

struct PlantedFace {
  Image image;
  std::vector<uint8_t> spoilt;  // [grid * grid] patches that the fault touches
};

// `face` with the mouth or the right eye (with its brow) of `donor` blended in at the place of its own, softly at the
// edge, or with the left cheek smoothed. Both pictures are square and of one size, with their parsing maps. nullopt
// when a face lacks the part.
std::optional<PlantedFace> plant_fault(Fault fault, const Image& face, const ParsingMap& parsed, const Image& donor,
                                       const ParsingMap& donor_parsed, int grid);

}  // namespace fsfm
