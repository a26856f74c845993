// `fsfm pretrain` as a user runs it, at the smallest sizes.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "base/file.h"
#include "media/codec.h"
#include "model/model_file.h"
#include "nn/fsfm_net.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/training_log.h"
#include "train/checkpoint.h"

namespace fsfm {
namespace {

using test::run_cli;
using test::signal_after;
using test::start_cli;
using test::TempDir;
using test::training_losses;

std::vector<std::string> pretrain_args(const TempDir& dir, const std::string& out, std::vector<std::string> more = {}) {
  std::vector<std::string> args = {"pretrain",
                                   "--data",
                                   (dir / "faces").string(),
                                   "--out",
                                   (dir / out).string(),
                                   "--model",
                                   "tiny",
                                   "--img-size",
                                   "32",
                                   "--patch-size",
                                   "8",
                                   "--batch-size",
                                   "4",
                                   "--decoder-dim",
                                   "32",
                                   "--decoder-depth",
                                   "1",
                                   "--warmup-epochs",
                                   "1",
                                   "--epochs",
                                   "4",
                                   "--lr",
                                   "1e-3",
                                   "--threads",
                                   "1",
                                   "--workers",
                                   "1",
                                   "--log-every",
                                   "1",
                                   "--val-fraction",
                                   "0.2"};
  // A repeated option is an error: later values take the place of earlier ones.
  for (size_t i = 0; i < more.size(); ++i) {
    const auto known = std::find(args.begin(), args.end(), more[i]);
    const bool has_value = i + 1 < more.size() && !more[i + 1].starts_with("--");
    if (known != args.end() && has_value)
      *(known + 1) = more[++i];
    else
      args.push_back(more[i]);
  }
  return args;
}

TEST(PretrainCli, TheModelRemembersHowItsFacesWereFound) {
  TempDir dir;
  fs::create_directories(dir / "photos");
  for (uint64_t i = 0; i < 8; ++i)
    write_image(dir / "photos" / (std::to_string(i) + ".png"), test::paint_photo(i, 1, 320, 320).image);
  const auto prepared = run_cli({"prepare", "folder", (dir / "photos").string(), "--face-detector", "dlib-hog:0",
                                 "--parser", "none", "--out", (dir / "faces").string()});
  ASSERT_EQ(prepared.exit_code, 0) << prepared.err;
  const auto result = run_cli(
      pretrain_args(dir, "m.safetensors", {"--max-steps", "1", "--mask-strategy", "random", "--no-region-loss"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ModelFile::open(dir / "m.safetensors").card().face_detector, "dlib-hog:0");
}

TEST(PretrainCli, WritesAModelALogAndPictures) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 20, 1, 64, /*maps=*/true);
  test::write_face_tree(dir / "faces", "train", "fake", 4, 100, 64, /*maps=*/true);
  const auto result = run_cli(pretrain_args(dir, "m.safetensors"));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("16 steps"), std::string::npos) << result.out;  // 16 real faces to learn from, four epochs

  const ModelFile model = ModelFile::open(dir / "m.safetensors");
  EXPECT_EQ(model.card().kind, "pretrain");
  EXPECT_EQ(model.card().config["embed_dim"], 192);
  EXPECT_EQ(model.card().training["data"]["samples"], 16);
  EXPECT_NE(model.card().mean[0], .485f);  // computed from the faces
  EXPECT_LT(model.card().metrics["held_out"]["patch_baseline"], 1.01);
  EXPECT_TRUE(model.tensors().contains("blocks.0.attn.qkv.weight"));
  EXPECT_EQ(training_losses(dir / "m.run").size(), 16u);
  EXPECT_TRUE(fs::exists(dir / "m.run" / "recipe.toml"));
  const std::string page = read_file(dir / "m.run" / "report.html");
  for (const char* section : {"What it learned", "Where it looks", "How faces are hidden", "Throughput"})
    EXPECT_NE(page.find(section), std::string::npos) << section;
  EXPECT_EQ(page.find("src=\"http"), std::string::npos);  // self-contained
  EXPECT_TRUE(fs::exists(dir / "m.run" / "reconstructions" / "step-000000016.png"));

  // An earlier run is never overwritten by mistake.
  const auto again = run_cli(pretrain_args(dir, "m.safetensors"));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("--resume"), std::string::npos) << again.err;
  // A finished run that is resumed has nothing left to learn and says the same of its model.
  const auto finished = run_cli(pretrain_args(dir, "m.safetensors", {"--resume"}));
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(ModelFile::open(dir / "m.safetensors").card().metrics, model.card().metrics);
}

TEST(PretrainCli, MistakesAreOneLineAndLeaveNothing) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 8, 1, 64);  // without maps
  const auto check = [&](std::vector<std::string> more, const std::string& expected) {
    const auto result = run_cli(pretrain_args(dir, "m.safetensors", std::move(more)));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(dir / "m.safetensors"));
  };
  check({}, "fsfm prepare");  // region masks need parsing maps
  check({"--mask-strategy", "crfr-q"}, "crfr-p");
  check({"--batch-size", "64", "--mask-strategy", "random", "--overwrite"}, "too few");
  check({"--img-size", "33", "--mask-strategy", "random", "--overwrite"}, "multiple");
  write_file_atomic(dir / "r.toml", "epoch = 3\n");
  check({"--recipe", (dir / "r.toml").string()}, "did you mean 'epochs'?");
}

TEST(PretrainCli, KilledAtAnyMomentItResumesToTheSameLosses) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 20, 1, 64, /*maps=*/true);
  // Checkpoints fall inside log periods: of 16 steps the 5th, 10th, 15th and 16th are logged.
  ASSERT_EQ(run_cli(pretrain_args(dir, "whole.safetensors", {"--log-every", "5"})).exit_code, 0);
  const auto expected = training_losses(dir / "whole.run");
  ASSERT_EQ(expected.size(), 4u);

  for (const size_t moment : {1u, 1u, 2u}) {
    const auto args = pretrain_args(dir, "killed.safetensors", {"--log-every", "5", "--save-every", "3", "--resume"});
    const int status = signal_after(start_cli(args, dir / "err"), dir / "killed.run", moment, SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status)) << read_file(dir / "err");
  }
  const auto last = run_cli(pretrain_args(dir, "killed.safetensors", {"--log-every", "5", "--resume"}));
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(training_losses(dir / "killed.run"), expected);  // bit-equal

  const ModelFile a = ModelFile::open(dir / "whole.safetensors"), b = ModelFile::open(dir / "killed.safetensors");
  for (const auto& [name, view] : a.tensors())
    EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), b.tensor(name).bytes.begin())) << name;
}

TEST(PretrainCli, SigtermSavesAndExitsWith143) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 20, 1, 64, /*maps=*/true);
  const auto args = pretrain_args(dir, "m.safetensors", {"--epochs", "100"});
  const int status = signal_after(start_cli(args, dir / "err"), dir / "m.run", 2, SIGTERM);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143) << read_file(dir / "err");
  EXPECT_NE(read_file(dir / "err").find("add --resume to go on"), std::string::npos);
  EXPECT_FALSE(fs::exists(dir / "m.safetensors"));
  const CheckpointFolder checkpoints(dir / "m.run" / "checkpoints", 2);
  ASSERT_TRUE(checkpoints.latest());
  EXPECT_GE(read_checkpoint(*checkpoints.latest()).state["step"], 2);
  // Another recipe must not go on from it.
  const auto other = run_cli(pretrain_args(dir, "m.safetensors", {"--resume", "--batch-size", "8"}));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("other settings"), std::string::npos) << other.err;
}

TEST(PretrainCli, TwoProcessesLearnAsOneWithTwiceTheBatch) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 20, 1, 64, /*maps=*/true);
  const std::vector<std::string> common = {"--similarity", "infonce", "--accumulate", "2"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), common.begin(), common.end());
    return more;
  };
  const auto one = run_cli(pretrain_args(dir, "one.safetensors", with({"--batch-size", "4"})));
  const auto two = run_cli(pretrain_args(dir, "two.safetensors", with({"--batch-size", "2", "--nproc", "2"})));
  ASSERT_EQ(one.exit_code, 0) << one.err;
  ASSERT_EQ(two.exit_code, 0) << two.err;
  const auto expected = training_losses(dir / "one.run"), losses = training_losses(dir / "two.run");
  ASSERT_EQ(losses.size(), expected.size());
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], expected[i], 1e-5) << "step " << i + 1;
}

// A process dies without a word in the middle of a step: the other says so, keeps what was learned, and the job ends;
// resumed, it learns what it would have learned.
TEST(PretrainCli, ALostProcessLeavesAMessageAndACheckpoint) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 20, 1, 64, /*maps=*/true);
  const std::vector<std::string> more = {"--nproc", "2", "--batch-size", "2", "--epochs", "10"};
  ASSERT_EQ(run_cli(pretrain_args(dir, "whole.safetensors", more)).exit_code, 0);

  const pid_t parent = start_cli(pretrain_args(dir, "lost.safetensors", more), dir / "err");
  test::wait_for_lines(dir / "lost.run", 3);
  const std::string pid = std::to_string(parent);
  std::istringstream children(read_file("/proc/" + pid + "/task/" + pid + "/children"));
  pid_t first = 0, second = 0;
  ASSERT_TRUE(children >> first >> second);
  ::kill(second, SIGKILL);
  int status = 0;
  ::waitpid(parent, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 0);
  const std::string err = read_file(dir / "err");
  EXPECT_NE(err.find("[process 1]: ended by signal 9"), std::string::npos) << err;
  EXPECT_NE(err.find("lost contact"), std::string::npos) << err;
  EXPECT_NE(err.find("--resume"), std::string::npos) << err;
  const auto learned = training_losses(dir / "lost.run").size();
  const CheckpointFolder checkpoints(dir / "lost.run" / "checkpoints", 2);
  ASSERT_TRUE(checkpoints.latest());
  EXPECT_EQ(read_checkpoint(*checkpoints.latest()).state["step"], learned);

  auto resume = more;
  resume.push_back("--resume");
  const auto result = run_cli(pretrain_args(dir, "lost.safetensors", resume));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(training_losses(dir / "lost.run"), training_losses(dir / "whole.run"));
}

TEST(PretrainCli, RecomputedBlocksChangeNoLoss) {
  TempDir dir;
  test::write_face_tree(dir / "faces", "train", "real", 20, 1, 64, /*maps=*/true);
  ASSERT_EQ(run_cli(pretrain_args(dir, "a.safetensors", {"--epochs", "2"})).exit_code, 0);
  ASSERT_EQ(run_cli(pretrain_args(dir, "b.safetensors", {"--epochs", "2", "--checkpoint-blocks"})).exit_code, 0);
  EXPECT_EQ(training_losses(dir / "a.run"), training_losses(dir / "b.run"));
}

}  // namespace
}  // namespace fsfm
