#include "train/selfcheck/selfcheck.h"

#include <exception>
#include <utility>

#include "base/error.h"
#include "train/selfcheck/golden.h"

namespace fsfm {

SelfcheckSummary run_selfcheck(const std::filesystem::path& golden, const std::function<void(const Check&)>& on_check) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(golden, ignored)) {
    throw Error(golden.string() + ": not a folder", "give the folder that holds the reference numbers");
  }
  using Topic = std::pair<const char*, void (*)(selfcheck::Report&)>;
  constexpr Topic kTopics[] = {
      {"regions", selfcheck::check_regions},           {"pretraining", selfcheck::check_pretraining},
      {"optimisation", selfcheck::check_optimisation}, {"downstream", selfcheck::check_downstream},
      {"metrics", selfcheck::check_metrics},           {"preprocessing", selfcheck::check_preprocessing}};
  selfcheck::Report report(golden, on_check);
  for (const auto& [name, check] : kTopics) {
    try {
      check(report);
    } catch (const std::exception& error) {
      const std::string what = error.what();
      report.fail(name, what.substr(0, what.find('\n')));
    }
  }
  return report.summary();
}

}  // namespace fsfm
