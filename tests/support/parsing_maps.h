// Parsing maps for tests: drawn faces of simple shapes, with every class where a face has it.
#pragma once

#include <cstdint>
#include <vector>

namespace fsfm::test {

// side x side class indices of an upright face; `variant` moves and scales it.
std::vector<uint8_t> face_parsing_map(int side, int variant = 0);

}  // namespace fsfm::test
