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
    const auto result = run_cli({"doctor", "nowhere"}, {.env = std::move(env)});
    EXPECT_EQ(result.exit_code, 2);
    const size_t at = result.err.rfind("GOMP_SPINCOUNT = '");  // the last word counts
    return at == std::string::npos ? result.err : result.err.substr(at + 18, result.err.find('\'', at + 18) - at - 18);
  };
  EXPECT_EQ(spinning({}), "10000");
  EXPECT_EQ(spinning({"GOMP_SPINCOUNT=77"}), "77");
  EXPECT_EQ(spinning({"OMP_WAIT_POLICY=active"}), "30000000000");
  EXPECT_EQ(spinning({"OMP_WAIT_POLICY=passive"}), "0");
}

TEST(WaitPolicy, WhatComputesNothingStartsOnce) {
  // The setting comes with the second start, so what has it started twice.
  const auto started_twice = [](const std::vector<std::string>& words) {
    return run_cli(words, {.env = {kReport}}).err.find("GOMP_SPINCOUNT = '10000'") != std::string::npos;
  };
  EXPECT_FALSE(started_twice({"--version"}));
  EXPECT_FALSE(started_twice({"evaluate", "--help"}));
  EXPECT_FALSE(started_twice({"info", "nowhere"}));
  EXPECT_TRUE(started_twice({"doctor", "nowhere"}));
}

TEST(WaitPolicy, TheSecondStartIsTheSameProgramWithTheSameArguments) {
  const auto misspelt = run_cli({"pretrian", "--data", "a b"});
  EXPECT_EQ(misspelt.exit_code, 2);
  EXPECT_NE(misspelt.err.find("unknown command 'pretrian'"), std::string::npos) << misspelt.err;
  // Found along PATH, under another name, through a link, loaded by hand, from a folder that is gone.
  const auto result = run_shell(
      "cd $(mktemp -d); ln -s \"$FSFM\" other; PATH=$PWD:$PATH other doctor nowhere; (exec -a strange ./other doctor "
      "nowhere);"
      "LOADER=$(grep -ao '/lib[^ ]*/ld-linux[-a-z0-9_.]*' \"$FSFM\" | head -n 1); $LOADER \"$FSFM\" doctor nowhere;"
      "rm other; rmdir \"$PWD\"; \"$FSFM\" doctor nowhere");
  EXPECT_EQ(result.exit_code, 2);
  std::string expected;
  for (int i = 0; i < 3; ++i) expected += run_cli({"doctor", "nowhere"}).err;
  EXPECT_EQ(result.err.substr(0, expected.size()), expected);
  EXPECT_EQ(result.err.substr(expected.size()).find("fsfm: "), 0u) << result.err;  // a folder that is gone has no files
}

}  // namespace
}  // namespace fsfm
