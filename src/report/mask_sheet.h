// A picture that explains masking: a face, its parsing map and what every strategy hides of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "face/parser.h"
#include "masking/masking.h"
#include "media/image.h"

namespace fsfm {

struct MaskSheetOptions {
  uint64_t seed = 0;
  int patch = 16;  // of a 224 x 224 map
  double ratio = 0.75;
};

// One strategy's mask of one face.
struct MaskSheetDraw {
  MaskStrategy strategy;
  std::optional<RegionGroup> covered;
  std::vector<uint8_t> masked, region;  // [patches]
};

struct MaskSheetFace {
  std::string title;
  Image crop;                        // square
  ParsingMap parsing;                // of that crop, any size
  RegionMap regions;                 // of the parsing map at 224 x 224
  std::vector<MaskSheetDraw> draws;  // every strategy, in the order of MaskStrategy
};

// Draws all masks of a face. `index` numbers the faces of a sheet: each has its own random numbers, whatever the others
// are.
MaskSheetFace draw_masks(std::string title, Image crop, ParsingMap parsing, const MaskSheetOptions& options,
                         uint64_t index);

// "147 of 196: mouth whole (21), rest by region", "147 of 196 uniformly".
std::string describe(const MaskSheetDraw& draw);

// The faces one below the other; about 1,490 x 850 pixels each.
Image render_mask_sheet(const std::string& title, const std::vector<MaskSheetFace>& faces,
                        const MaskSheetOptions& options);

}  // namespace fsfm
