// Runs the built program as a user would and returns what it said.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fsfm::test {

struct CliResult {
  int exit_code;
  std::string out, err;
};

// `fsfm ARGS...`; `env` holds extra "NAME=value" settings, `folder` is where it runs ("" = here).
CliResult run_cli(const std::vector<std::string>& args, const std::vector<std::string>& env = {},
                  const std::filesystem::path& folder = {});

}  // namespace fsfm::test
