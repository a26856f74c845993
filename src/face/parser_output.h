// From a network's class scores to a parsing map.
#pragma once

#include <cstdint>
#include <span>

#include "face/parser.h"

namespace fsfm {

// scores [classes, height, width], resized bilinearly (pixel centres aligned, as align_corners = false) to
// out_width x out_height; each pixel takes the class of the highest score, translated through `mapping` (one FaceClass
// for each class of the network; empty = as it is). No more memory than the map and a few rows.
ParsingMap map_from_scores(std::span<const float> scores, int classes, int width, int height, int out_width,
                           int out_height, std::span<const uint8_t> mapping = {});

}  // namespace fsfm
