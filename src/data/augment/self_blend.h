// Self-blended images (Shiohara & Yamasaki, CVPR 2022): a fake made from ONE real face, by blending it with a jittered
// copy of itself under a deformed face mask. A detector trained on them needs no deepfakes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

enum class BlendRegion { face, eyes, nose, mouth, lower_face };
std::string_view blend_region_name(BlendRegion region);

struct SelfBlendOptions {
  // Chance that a single region is blended instead of the whole face (which is drawn from the other four, evenly).
  double single_region = 0.3;
};

struct SelfBlended {
  Image image;                 // as large as the input
  std::vector<uint8_t> alpha;  // [height * width] 0..255: how much of the jittered copy shows
  BlendRegion region;
};

// Does the map show enough of a face (>= 0.5 % of the picture)? Then self_blend always makes a fake of it.
bool can_self_blend(std::span<const uint8_t> parsing, int parsing_side);

// `parsing`: class map of the crop, [parsing_side * parsing_side], classes of face/region_map.h. The result depends on
// `rng` alone. nullopt when the map shows too little of the chosen region (< 0.5 % of the picture) and of the whole
// face. Throws Error when the map's size does not match.
std::optional<SelfBlended> self_blend(const Image& image, std::span<const uint8_t> parsing, int parsing_side, Rng& rng,
                                      const SelfBlendOptions& options = {});

}  // namespace fsfm
