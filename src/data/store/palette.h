// Class maps as small palette PNGs: what a picture viewer shows in colours, a program reads as indices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fsfm {

// `map` is [224 * 224] of FaceClass.
std::vector<std::byte> encode_parsing_png(std::span<const uint8_t> map);
// Of any size -> [224 * 224] (nearest neighbour). Throws Error naming `name_for_errors` for a class above 10.
std::vector<uint8_t> decode_parsing_png(std::span<const std::byte> png, const std::string& name_for_errors);

}  // namespace fsfm
