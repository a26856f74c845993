#include "cli/commands.h"

namespace fsfm::cli {

// clang-format off
int run_info(int, char**);
// clang-format on

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"info", "Show what a model file holds, or what is wrong with it", run_info},
  };
  return kCommands;
}

bool progress_visible() { return true; }

}  // namespace fsfm::cli
