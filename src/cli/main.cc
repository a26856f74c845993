// The programs `fsfm` and `fsfm-learn`: finds the subcommand, turns exceptions into one line and an exit code.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/failure.h"
#include "cli/output.h"
#include "server/worker_main.h"

namespace {

using fsfm::cli::kUserError;
constexpr int kSignalled = 128;

void print_help(std::FILE* stream) {
  std::fprintf(
      stream,
      "fsfm %s: learn from real faces, then tell real from forged\n\nUsage: fsfm COMMAND [OPTIONS]\n\nCommands:\n",
      FSFM_VERSION);
  for (const auto& command : fsfm::cli::commands())
    std::fprintf(stream, "  %-12s %s\n", std::string(command.name).c_str(), std::string(command.summary).c_str());
  std::fprintf(stream,
               "\nfsfm COMMAND --help explains one command.\n"
               "Exit codes: 0 done, 2 something for you to mend (one line on stderr says what), 1 a fault of fsfm,\n"
               "130 or 143 interrupted.\n");
}

const fsfm::cli::Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : fsfm::cli::commands()) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  const std::string near = fsfm::nearest_name(name, names);
  throw fsfm::Error("unknown command '" + name + "'", near.empty() ? "see fsfm --help" : "did you mean " + near + "?");
}

int run(int argc, char** argv) {
  if (argc < 2) {  // a mistake: stdout belongs to results
    print_help(stderr);
    return kUserError;
  }
  const std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    if (argc < 3) {
      print_help(stdout);
      return 0;
    }
    const auto& command = find_command(argv[2]);  // fsfm help COMMAND
    std::string word = argv[2], flag = "--help";
    char* arguments[] = {word.data(), flag.data(), nullptr};
    return command.run(2, arguments);
  }
  if (name == "--version" || name == "-V" || name == "version") {
    std::printf("fsfm %s\n", FSFM_VERSION);
    return 0;
  }
  if (name == fsfm::server::kWorkerCommand) return fsfm::server::run_worker();
  const auto& command = find_command(name);
  if (command.stops_cleanly) fsfm::install_interrupt_handlers();
  return command.run(argc - 1, argv + 1);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace fsfm::cli;
  prepare_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large for the user's limit is an error of write(), not a death
  fsfm::log::setup();
  int code = 0;
  try {
    try {
      try {
        code = run(argc, argv);
      } catch (const NeedsLearning&) {
        become_learning_program(argv);
      }
    } catch (const ReaderGone&) {
      return kBrokenPipeExit;
    } catch (...) {
      const Failure failure = describe_failure();
      std::fflush(stdout);
      std::fprintf(stderr, "fsfm: %s\n", failure.message.c_str());
      return failure.exit_code == kUserError && fsfm::interrupted() ? fsfm::interrupted_exit_code() : failure.exit_code;
    }
    if (code > kSignalled) return code;  // the terminal may be gone, and with it the place for the output
    flush_output();
    return code;
  } catch (const ReaderGone&) {
    return kBrokenPipeExit;
  } catch (const fsfm::Error& error) {
    std::fprintf(stderr, "fsfm: %s\n", error.what());
    return kUserError;
  }
}
