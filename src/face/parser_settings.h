// What a parser that a user brings expects and gives: the small JSON file beside it, and the meaning of its classes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "media/preprocess.h"

namespace fsfm {

struct ParserSettings {
  int input_size = 512;  // side of the square input, pixels
  Normalization norm;    // of RGB in 0..1
  std::string layout;    // of its classes (face/parsing_dataset.h); "" = by their number: 19 BiSeNet's, 11 LaPa's
};

// `defaults`, changed by what PARSER.json beside `parser` says, if it exists: {"input_size": 448, "mean": [0,0,0],
// "std": [1,1,1], "layout": "celebamask-19"}, each of them optional. Throws Error for anything else in it.
ParserSettings read_parser_settings(const std::filesystem::path& parser, ParserSettings defaults);

// Class of the network -> FaceClass, for a network with `classes` classes. Throws Error naming `parser` when the layout
// is unknown or has another number of them.
std::vector<uint8_t> class_mapping(const std::filesystem::path& parser, const ParserSettings& settings, int classes);

}  // namespace fsfm
