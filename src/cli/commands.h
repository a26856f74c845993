// The table of subcommands. One file a command: `int run_X(int argc, char** argv)` with argv[0] = the command's name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fsfm::cli {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(int argc, char** argv);  // exit code; throws Error for the user's mistakes
  bool stops_cleanly = false;         // looks at interrupted(); any other command simply ends when a signal comes
};

// In the order of --help.
const std::vector<Command>& commands();

// What `fsfm`, which loads no libtorch, leaves to `fsfm-learn`: thrown before anything is done or printed.
struct NeedsLearning {};
// Becomes fsfm-learn with the same arguments. It lies beside the program or in ../libexec/fsfm. Throws Error when it is
// not there.
[[noreturn]] void become_learning_program(char** argv);

// True when progress bars and notes may be drawn: no --quiet (Options::enable_quiet).
bool progress_visible();

// The end of every command that a signal stopped before its result was there: says `what` became of the work and
// returns the exit code, 130 after Ctrl-C, 143 after SIGTERM, so that `A && B` does not go on.
int interrupted_exit(const std::string& what);

}  // namespace fsfm::cli
