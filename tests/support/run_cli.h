// Runs the built program as a user would and returns what it said.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fsfm::test {

struct CliResult {
  int exit_code;
  std::string out, err;
};

struct CliSetting {
  std::vector<std::string> env;  // extra "NAME=value"
  uint64_t largest_file = 0;     // no file may grow beyond these bytes, which a program meets like a full disk; 0 = any
  std::filesystem::path folder;  // to run in; empty = here
};

// `fsfm ARGS...`, to its end.
CliResult run_cli(const std::vector<std::string>& args, const CliSetting& setting = {});

// Runs a bash script, in which $FSFM is the program; for pipes and closed streams.
CliResult run_shell(const std::string& script, const CliSetting& setting = {});

// Starts `fsfm ARGS...` and returns at once; what it says on stderr goes to the file `err`. The caller waits for it.
pid_t start_cli(const std::vector<std::string>& args, const std::filesystem::path& err);

}  // namespace fsfm::test
