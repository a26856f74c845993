// fsfm selfcheck --golden DIR
#include "train/selfcheck/selfcheck.h"

#include <cstdio>

#include "base/options.h"
#include "cli/commands.h"

namespace fsfm::cli {

int run_selfcheck(int argc, char** argv) {
  std::filesystem::path golden;
  Options options("selfcheck", "Compare this build with a folder of reference numbers, line by line");
  options.add("golden", golden, "folder that holds the reference files").required();
  options.footer(
      "Prints one line per check: largest difference, tolerance, PASS or FAIL. Exit code 1 when a check fails.");
  if (!options.parse(argc, argv)) return 0;
  const auto summary = fsfm::run_selfcheck(golden, [](const Check& check) {
    std::printf("%-62s %10.3g  <= %-8.3g %s%s%s\n", check.name.c_str(), check.difference, check.tolerance,
                check.passed ? "PASS" : "FAIL", check.note.empty() ? "" : "  ", check.note.c_str());
    std::fflush(stdout);
  });
  std::printf("%d passed, %d failed\n", summary.passed, summary.failed);
  return summary.failed == 0 ? 0 : 1;
}

}  // namespace fsfm::cli
