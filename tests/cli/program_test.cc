// The program around its commands: help, versions, mistakes of spelling, exit codes.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::run_cli;

TEST(Program, WithoutACommandItHelpsAndSaysThatItWasAMistake) {
  const auto bare = run_cli({});
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_EQ(bare.out, "");
  EXPECT_NE(bare.err.find("Usage: fsfm COMMAND"), std::string::npos);
  for (const char* word : {"--help", "-h", "help"}) {
    const auto asked = run_cli({word});
    EXPECT_EQ(asked.exit_code, 0);
    EXPECT_EQ(asked.out, bare.err);
    EXPECT_EQ(asked.err, "");
  }
}

TEST(Program, HelpsWithOneCommandInEverySpelling) {
  const auto help = run_cli({"detect", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("--jsonl"), std::string::npos);
  EXPECT_EQ(run_cli({"help", "detect"}).out, help.out);
  EXPECT_EQ(run_cli({"--help", "detect"}).out, help.out);
  const auto unknown = run_cli({"help", "detetc"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.err, "fsfm: unknown command 'detetc'; did you mean detect?\n");
}

TEST(Program, UnknownCommandsAreOneLine) {
  const auto result = run_cli({"judge", "x.jpg"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_EQ(run_cli({"--version"}).out.substr(0, 5), "fsfm ");
}

TEST(Program, OutputThatCannotBeWrittenIsAnError) {
  const auto full = test::run_shell("\"$FSFM\" --help > /dev/full; echo $?");
  EXPECT_EQ(full.out, "2\n");
  EXPECT_NE(full.err.find("No space left"), std::string::npos) << full.err;
  const auto gone = test::run_shell("\"$FSFM\" --help | true; echo ${PIPESTATUS[0]}");
  EXPECT_TRUE(gone.out == "141\n" || gone.out == "0\n") << gone.out;  // 0: all was in the pipe before it closed
  EXPECT_EQ(gone.err, "");
}

TEST(Program, AResultMayGoToStdout) {
  test::TempDir dir;
  write_file_atomic(dir / "verdicts.jsonl",
                    std::string_view(R"({"file":"a.jpg","faces":[{"score":0.5,"why":"kept"}]})"));
  const auto result = test::run_shell("\"$FSFM\" report . --out /dev/stdout > page.html; [ -L /dev/stdout ]; echo $?",
                                      {.folder = dir.path()});
  EXPECT_EQ(result.out, "0\n") << result.err;
  EXPECT_NE(read_file(dir / "page.html").find("kept"), std::string::npos);
}

TEST(Program, NamesThatCannotBeLookedAtAreTheUsersToMend) {
  test::TempDir dir;
  fs::create_symlink("loop", dir / "loop");
  const std::string loop = (dir / "loop").string(), longer = (dir / std::string(300, 'n')).string();
  for (const auto& name : {loop, longer})
    for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
             {"report", name},
             {"info", name},
             {"detect", "x.jpg", "--model", name},
             {"doctor", name},
             {"masks", name, "--out", (dir / "o.png").string()},
             {"convert", name, (dir / "o.safetensors").string()},
             {"prepare", "folder", name, "--out", (dir / "o").string()},
             {"detect", "x.jpg", "--face-detector", "scrfd:" + name, "--model", name}}) {
      const auto result = run_cli(args);
      EXPECT_EQ(result.exit_code, 2) << args[0] << " " << result.err;
      EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
      EXPECT_EQ(result.err.find("internal"), std::string::npos) << result.err;
    }
}

}  // namespace
}  // namespace fsfm
