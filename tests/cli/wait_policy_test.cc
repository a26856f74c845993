// How long the program's threads spin, as libgomp itself reports it.
#include <gtest/gtest.h>

#include <string>

#include "support/run_cli.h"

namespace fsfm {
namespace {

using test::run_cli;
using test::run_shell;

constexpr const char* kReport = "OMP_DISPLAY_ENV=VERBOSE";

TEST(WaitPolicy, ThreadsSleepSoonUnlessTheUserSaysOtherwise) {
  const auto spinning = [](std::vector<std::string> env) {
    env.emplace_back(kReport);
    const auto result = run_cli({"--version"}, {.env = std::move(env)});
    EXPECT_EQ(result.exit_code, 0);
    const size_t at = result.err.rfind("GOMP_SPINCOUNT = '");  // the last word counts
    return at == std::string::npos ? result.err : result.err.substr(at + 18, result.err.find('\'', at + 18) - at - 18);
  };
  EXPECT_EQ(spinning({}), "10000");
  EXPECT_EQ(spinning({"GOMP_SPINCOUNT=77"}), "77");
  EXPECT_EQ(spinning({"OMP_WAIT_POLICY=active"}), "30000000000");
  EXPECT_EQ(spinning({"OMP_WAIT_POLICY=passive"}), "0");
}

TEST(WaitPolicy, TheSecondStartIsTheSameProgramWithTheSameArguments) {
  const auto misspelt = run_cli({"pretrian", "--data", "a b"});
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_NE(misspelt.err.find("unknown command 'pretrian'"), std::string::npos) << misspelt.err;
  // Found along PATH, under another name, through a link, loaded by hand, from a folder that is gone.
  const auto result = run_shell(
      "set -e; cd $(mktemp -d); ln -s \"$FSFM\" other; PATH=$PWD:$PATH other --version; (exec -a strange ./other "
      "--version);"
      "LOADER=$(grep -ao '/lib[^ ]*/ld-linux[-a-z0-9_.]*' \"$FSFM\" | head -n 1); $LOADER \"$FSFM\" --version;"
      "rm other; rmdir \"$PWD\"; \"$FSFM\" --version");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::string expected;
  for (int i = 0; i < 4; ++i) expected += run_cli({"--version"}).out;
  EXPECT_EQ(result.out, expected) << result.err;
}

}  // namespace
}  // namespace fsfm
