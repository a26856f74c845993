// Compares this build with a folder of reference numbers, line by line: `fsfm selfcheck --golden DIR`.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace fsfm {

// One comparison. `difference` is the largest absolute difference unless the name says otherwise.
struct Check {
  std::string name;
  double difference = 0.0, tolerance = 0.0;
  bool passed = false;
  std::string note;  // why it could not be made, or where the largest difference lies
};

struct SelfcheckSummary {
  int passed = 0, failed = 0;
};

// Runs every check on the folder and hands each to `on_check` as it is made. A file that is missing or unreadable fails
// its checks; it does not end the run. Throws Error when `golden` is not a folder.
SelfcheckSummary run_selfcheck(const std::filesystem::path& golden, const std::function<void(const Check&)>& on_check);

}  // namespace fsfm
