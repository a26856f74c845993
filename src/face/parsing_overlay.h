// A parsing map made visible.
#pragma once

#include <cstdint>
#include <span>

#include "media/image.h"

namespace fsfm {

// The face in grey under the colours of its classes, with a light line where classes meet. `classes` [height * width]
// is enlarged to the face; indices above 10 stay grey.
Image parsing_overlay(const Image& face, std::span<const uint8_t> classes, int width, int height);

}  // namespace fsfm
