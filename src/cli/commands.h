// The table of subcommands. One file a command: `int run_X(int argc, char** argv)` with argv[0] = the command's name.
#pragma once

#include <string_view>
#include <vector>

namespace fsfm::cli {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, char** argv);  // exit code; throws Error for the user's mistakes
};

// In the order of --help. Commands that need libtorch are absent from a build without it.
const std::vector<Command>& commands();

// True when progress bars and notes may be drawn (stderr visible and no --quiet).
bool progress_visible();

}  // namespace fsfm::cli
