#include "cli/open_parser.h"

#ifdef FSFM_HAS_TRAIN
#include "nn/torchscript_parser.h"
#endif

namespace fsfm::cli {

std::unique_ptr<FaceParser> open_parser(const std::string& name_or_file) {
  const std::string name = name_or_file == "shipped" ? "" : name_or_file;
#ifdef FSFM_HAS_TRAIN
  return make_parser(name, make_torchscript_parser);
#else
  return make_parser(name);
#endif
}

}  // namespace fsfm::cli
