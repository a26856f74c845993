// The mistakes of tests/cli/bad_input_test.cc, met while learning.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "support/bad_files.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::expect_one_line;
using test::run_cli;

class BadLearningInput : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_bad_files(dir_.path());
    test::write_face_tree(dir_ / "faces", "train", "real", 6, 1, 32, /*maps=*/true);
    test::write_face_tree(dir_ / "faces", "train", "fake", 6, 9, 32, /*maps=*/true);
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  std::vector<std::string> pretrain(std::vector<std::string> more) const {
    std::vector<std::string> args = {"pretrain",
                                     "--model",
                                     "tiny",
                                     "--img-size",
                                     "32",
                                     "--batch-size",
                                     "2",
                                     "--max-steps",
                                     "1",
                                     "--decoder-dim",
                                     "32",
                                     "--decoder-depth",
                                     "1",
                                     "--threads",
                                     "1",
                                     "--out",
                                     path("o.safetensors")};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  std::vector<std::string> finetune(std::vector<std::string> more) const {
    std::vector<std::string> args = {"finetune", "--batch-size",       "2", "--max-steps", "1", "--threads", "1",
                                     "--out",    path("o.safetensors")};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  // What a failed run may leave is its run folder, never a model.
  void fails(const std::vector<std::string>& args, const std::vector<std::string>& parts, uint64_t largest_file = 0) {
    const auto result = run_cli(args, {.largest_file = largest_file});
    EXPECT_EQ(result.exit_code, 2) << result.err;
    for (const auto& part : parts) EXPECT_NE(result.err.find(part), std::string::npos) << part << ": " << result.err;
    const std::string last = result.err.substr(result.err.rfind("fsfm: "));
    EXPECT_EQ(std::count(last.begin(), last.end(), '\n'), 1) << result.err;
    EXPECT_FALSE(fs::exists(dir_ / "o.safetensors"));
    EXPECT_FALSE(fs::exists(dir_ / "canary"));
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path()))
      EXPECT_FALSE(entry.path().extension() == ".tmp") << entry.path();
  }
  test::TempDir dir_;
};

TEST_F(BadLearningInput, EmptyFolderAndTextNamedJpg) {
  fails(pretrain({"--data", path("empty")}), {"empty", "no picture"});
  fails(finetune({"--data", path("empty"), "--init", "scratch", "--model", "tiny"}), {"empty", "no picture"});
  fs::copy_file(dir_ / "text.jpg", dir_ / "faces/train/real/face_0000.jpg");
  for (const auto& face : list_files(dir_ / "faces/train", [](const fs::path& p) { return p.extension() == ".png"; }))
    fs::copy_file(dir_ / "text.jpg", face, fs::copy_options::overwrite_existing);  // nothing but text is left
  fails(pretrain({"--data", path("faces")}), {"not a picture"});
  fails(finetune({"--data", path("faces"), "--init", "scratch", "--model", "tiny", "--img-size", "32"}),
        {"not a picture"});
}

TEST_F(BadLearningInput, StartingPointsThatAreCutOrLie) {
  for (const std::string name : {"cut.pth", "evil.pth", "beyond.safetensors", "huge.safetensors"}) {
    fails(finetune({"--data", path("faces"), "--init", path(name)}), {name});
    fails(pretrain({"--data", path("faces"), "--init", path(name)}), {name});
  }
}

TEST_F(BadLearningInput, MisspeltRecipeKey) {
  for (const auto& args : {pretrain({"--data", path("faces"), "--recipe", path("typo.toml")}),
                           finetune({"--data", path("faces"), "--init", "scratch", "--recipe", path("typo.toml")})})
    fails(args, {"typo.toml:1", "did you mean 'seed'?"});
}

TEST_F(BadLearningInput, NoSpaceLeftForTheModel) {
  constexpr uint64_t kSmallDisk = 200 << 10;  // room for the log, not for weights
  fails(pretrain({"--data", path("faces")}), {"cannot write", "free some space"}, kSmallDisk);
  fails(finetune({"--data", path("faces"), "--init", "scratch", "--model", "tiny", "--img-size", "32", "--overwrite"}),
        {"cannot write", "free some space"}, kSmallDisk);
}

}  // namespace
}  // namespace fsfm
