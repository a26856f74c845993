// The face parser that a command line names, TorchScript files included where the build can run them.
#pragma once

#include <memory>
#include <string>

#include "face/parser.h"

namespace fsfm::cli {

// "" or "shipped" = the parser that comes with the program; otherwise a file, see make_parser.
std::unique_ptr<FaceParser> open_parser(const std::string& name_or_file);

}  // namespace fsfm::cli
