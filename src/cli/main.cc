// The program `fsfm`: finds the subcommand, turns exceptions into one line and an exit code.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/commands.h"

namespace {

constexpr int kUserError = 2, kOurError = 1;

void print_help() {
  std::printf("fsfm %s: learn from real faces, then tell real from forged\n\nUsage: fsfm COMMAND [OPTIONS]\n\nCommands:\n", FSFM_VERSION);
  for (const auto& command : fsfm::cli::commands())
    std::printf("  %-12s %s\n", std::string(command.name).c_str(), std::string(command.summary).c_str());
  std::printf("\nfsfm COMMAND --help explains one command.\n");
}

int run(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return argc > 1 ? 0 : kUserError;
  }
  if (name == "--version" || name == "-V") {
    std::printf("fsfm %s\n", FSFM_VERSION);
    return 0;
  }
  std::vector<std::string> names;
  for (const auto& command : fsfm::cli::commands()) {
    if (command.name == name) return command.run(argc - 1, argv + 1);
    names.emplace_back(command.name);
  }
  const std::string near = fsfm::nearest_name(name, names);
  throw fsfm::Error("unknown command '" + name + "'", near.empty() ? "see fsfm --help" : "did you mean " + near + "?");
}

}  // namespace

int main(int argc, char** argv) {
  fsfm::install_interrupt_handlers();
  fsfm::log::setup();
  // One line: whatever a library put into a message, newlines become spaces.
  auto report = [](std::string message, int code) {
    for (char& c : message)
      if (c == '\n' || c == '\r') c = ' ';
    std::fflush(stdout);
    std::fprintf(stderr, "fsfm: %s\n", fsfm::trim(message).c_str());
    return code;
  };
  try {
    const int code = run(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout))
      throw fsfm::Error("cannot write the output: " + std::string(std::strerror(errno)), "free some space");
    return code;
  } catch (const fsfm::Error& error) {
    return report(error.what(), kUserError);
  } catch (const std::filesystem::filesystem_error& error) {
    return report("cannot use " + error.path1().string() + ": " + error.code().message() + "; check the path and its permissions",
                  kUserError);
  } catch (const std::bad_alloc&) {
    return report("out of memory; use a smaller batch, model or input", kUserError);
  } catch (const std::exception& error) {
    return report(std::string("internal error: ") + error.what(), kOurError);
  }
}
