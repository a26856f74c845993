#include "cli/open_parser.h"

#include "nn/torchscript_parser.h"

namespace fsfm::cli {

std::unique_ptr<FaceParser> open_parser(const std::string& name_or_file) {
  return make_parser(name_or_file == "shipped" ? "" : name_or_file, make_torchscript_parser);
}

}  // namespace fsfm::cli
