// Left and right of a face in its class map (the subject's, as in face/region_map.h).
#pragma once

#include <cstdint>
#include <span>

namespace fsfm {

// The class after a mirror: left and right brows and eyes exchange their names.
uint8_t mirrored_class(uint8_t face_class);

// True when the map names the sides as the viewer sees them: its right brow and eye lie to the right of its left ones.
// `classes`: [height, width].
bool sides_exchanged(std::span<const uint8_t> classes, int width);

}  // namespace fsfm
