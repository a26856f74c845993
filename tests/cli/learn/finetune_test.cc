// Pretrain, fine-tune and read the result with the torch-free engine, at the smallest sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "base/text.h"
#include "engine/vit.h"
#include "model/model_file.h"
#include "support/face_painter.h"
#include "support/paths.h"
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

// Two domains of painted faces, real and fake, and a pretrained tiny network.
class FinetuneCli : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir();
    test::write_face_tree(*dir_ / "a", "train", "real", 16, 1, 48, /*maps=*/true);
    test::write_face_tree(*dir_ / "a", "train", "fake", 8, 100, 48);
    test::write_face_tree(*dir_ / "b", "train", "live", 8, 200, 48);
    test::write_face_tree(*dir_ / "b", "train", "print", 8, 300, 48);
    test::write_face_tree(*dir_ / "c", "", "live", 8, 400, 48);
    test::write_face_tree(*dir_ / "c", "", "mask", 8, 500, 48);
    const auto result = run_cli({"pretrain", "--data", path("a"), "--out", path("init.safetensors"), "--model", "tiny",
                                 "--img-size", "32", "--batch-size", "4", "--decoder-dim", "32", "--decoder-depth", "1",
                                 "--max-steps", "2", "--threads", "1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static std::string path(const std::string& name) { return (*dir_ / name).string(); }

  static std::vector<std::string> finetune_args(const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> args = {"finetune", "--out", path(out), "--threads", "1", "--val-fraction", "0.25"};
    args.insert(args.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--log-every") == more.end()) args.insert(args.end(), {"--log-every", "1"});
    return args;
  }
  static test::CliResult finetune(const std::string& out, const std::vector<std::string>& more) {
    return run_cli(finetune_args(out, more));
  }
  static inline TempDir* dir_ = nullptr;
};

TEST_F(FinetuneCli, FullFineTuningGivesADetectorThatTheEngineReads) {
  const auto result = finetune(
      "d.safetensors", {"--task", "dfd", "--init", path("init.safetensors"), "--data", path("a"), "--batch-size", "6",
                        "--epochs", "2", "--balance", "--weight-ema", "0.5", "--degrade", "0.3"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("classes fake, real; attack: fake"), std::string::npos) << result.out;
  const ModelFile model = ModelFile::open(dir_->path() / "d.safetensors");
  const ModelCard& card = model.card();
  EXPECT_EQ(card.kind, "detector");
  EXPECT_EQ(card.classes, (std::vector<std::string>{"fake", "real"}));
  EXPECT_EQ(card.attack_classes, std::vector<std::string>{"fake"});
  EXPECT_TRUE(card.threshold.has_value());
  EXPECT_GT(card.temperature, 0);
  EXPECT_EQ(card.mean, ModelFile::open(dir_->path() / "init.safetensors").card().mean);
  EXPECT_EQ(card.metrics["validation"]["data"], "a (held-out videos)");
  VitEngine engine(model, 1);
  EXPECT_EQ(engine.image_size(), 32);
  const auto logits = engine.logits(std::vector<float>(3 * 32 * 32, 0.1f), 1);
  EXPECT_EQ(logits.size(), 2u);
}

TEST_F(FinetuneCli, AdapterAndProbeLeaveTheBackboneAlone) {
  for (const std::string method : {"adapter", "linear-probe"}) {
    const auto result =
        finetune(method + ".safetensors", {"--task", "dfd", "--method", method, "--init", path("init.safetensors"),
                                           "--data", path("a"), "--batch-size", "6", "--epochs", "2"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const ModelFile before = ModelFile::open(dir_->path() / "init.safetensors"),
                    after = ModelFile::open(dir_->path() / (method + ".safetensors"));
    for (const auto& [name, view] : after.tensors()) {
      if (!name.starts_with("blocks.") && !name.starts_with("patch_embed.")) continue;
      EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), before.tensor(name).bytes.begin())) << name;
    }
    VitEngine engine(after, 1);
    EXPECT_EQ(engine.classes(), 2);
  }
}

TEST_F(FinetuneCli, AntiSpoofingMixesDomainsInEveryBatch) {
  const auto result = finetune("fas.safetensors", {"--task", "fas", "--init", path("init.safetensors"), "--data",
                                                   path("b"), path("c"), "--per-domain", "2", "--max-steps", "3"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ModelFile model = ModelFile::open(dir_->path() / "fas.safetensors");
  EXPECT_EQ(model.card().classes, (std::vector<std::string>{"spoof", "live"}));
  EXPECT_EQ(model.card().config["global_pool"], "fas");
  EXPECT_EQ(model.card().training["pictures_per_step"], 8);
  EXPECT_EQ(VitEngine(model, 1).classes(), 2);
}

TEST_F(FinetuneCli, ManyClassesAndRealFacesAlone) {
  const auto multi =
      finetune("multi.safetensors", {"--task", "multi", "--init", "scratch", "--model", "tiny", "--img-size", "32",
                                     "--data", path("b"), path("c"), "--batch-size", "8", "--epochs", "1"});
  ASSERT_EQ(multi.exit_code, 0) << multi.err;
  EXPECT_EQ(ModelFile::open(dir_->path() / "multi.safetensors").card().classes,
            (std::vector<std::string>{"live", "mask", "print"}));
  const auto blend = finetune("blend.safetensors",
                              {"--task", "dfd", "--init", path("init.safetensors"), "--data", path("a/train/real"),
                               "--val-data", path("a"), "--self-blend", "0.5", "--batch-size", "6", "--epochs", "1"});
  ASSERT_EQ(blend.exit_code, 0) << blend.err;
}

TEST_F(FinetuneCli, RealFacesAloneAreValidatedOnSelfBlendedFakes) {
  const std::vector<std::string> args = {"--task",       "dfd",
                                         "--init",       path("init.safetensors"),
                                         "--data",       path("a/train/real"),
                                         "--self-blend", "0.5",
                                         "--batch-size", "6",
                                         "--epochs",     "2"};
  const auto result = finetune("alone.safetensors", args);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ModelCard card = ModelFile::open(dir_->path() / "alone.safetensors").card();
  EXPECT_EQ(card.classes, (std::vector<std::string>{"fake", "real"}));
  EXPECT_NE(card.threshold_source.find("self-blended fakes"), std::string::npos) << card.threshold_source;
  EXPECT_EQ(card.metrics["validation"]["data"], "real (held-out videos, real faces and self-blended fakes of them)");
  const auto& counts = card.training["validation"]["classes"];
  EXPECT_EQ(counts["real"], counts["self-blended"]);
  EXPECT_TRUE(card.metrics["validation"]["auc"].is_number());
  // The fakes are the same in every run: so are the figures.
  ASSERT_EQ(finetune("again.safetensors", args).exit_code, 0);
  EXPECT_EQ(ModelFile::open(dir_->path() / "again.safetensors").card().metrics, card.metrics);
}

TEST_F(FinetuneCli, ResumesToTheSameModel) {
  const std::vector<std::string> args = {"--task",   "dfd",     "--init",       path("init.safetensors"),
                                         "--data",   path("a"), "--batch-size", "6",
                                         "--epochs", "3",       "--keep",       "2"};
  ASSERT_EQ(finetune("whole.safetensors", args).exit_code, 0);
  ASSERT_EQ(finetune("parts.safetensors", args).exit_code, 0);
  // As after a kill during the last epoch: only the checkpoint of the second is left, and no model.
  fs::remove(*dir_ / "parts.safetensors");
  const CheckpointFolder checkpoints(*dir_ / "parts.run" / "checkpoints", 2);
  fs::remove(*checkpoints.latest());
  EXPECT_EQ(read_checkpoint(checkpoints.latest().value()).state["step"], 6);  // of 9
  auto resumed = args;
  resumed.push_back("--resume");
  const auto result = finetune("parts.safetensors", resumed);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(training_losses(*dir_ / "parts.run"), training_losses(*dir_ / "whole.run"));
  const ModelFile a = ModelFile::open(dir_->path() / "whole.safetensors"),
                  b = ModelFile::open(dir_->path() / "parts.safetensors");
  for (const auto& [name, view] : a.tensors())
    EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), b.tensor(name).bytes.begin())) << name;
}

TEST_F(FinetuneCli, KilledAtAnyMomentItResumesToTheSameLosses) {
  std::vector<std::string> args = {
      "--task", "dfd",      "--init", path("init.safetensors"), "--data", path("a"),     "--batch-size",
      "6",      "--epochs", "4",      "--weight-ema",           "0.5",    "--log-every", "5"};
  ASSERT_EQ(finetune("unbroken.safetensors", args).exit_code, 0);
  const auto expected = training_losses(*dir_ / "unbroken.run");
  ASSERT_EQ(expected.size(), 3u);  // of 12 steps the 5th, the 10th and the last
  args.push_back("--resume");      // from the end of an epoch of three steps, inside a log period
  for (const size_t moment : {1u, 1u}) {
    const int status = signal_after(start_cli(finetune_args("killed.safetensors", args), *dir_ / "err"),
                                    *dir_ / "killed.run", moment, SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(status)) << read_file(*dir_ / "err");
  }
  const auto last = finetune("killed.safetensors", args);
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(training_losses(*dir_ / "killed.run"), expected);  // bit-equal
  const ModelFile a = ModelFile::open(*dir_ / "unbroken.safetensors"),
                  b = ModelFile::open(*dir_ / "killed.safetensors");
  for (const auto& [name, view] : a.tensors())
    EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), b.tensor(name).bytes.begin())) << name;
}

// What is drawn for a whole batch (mixup, drop path) is switched off: it belongs to each process.
TEST_F(FinetuneCli, TwoProcessesLearnAsOneWithTwiceTheBatch) {
  const auto run = [&](const std::string& out, const std::string& batch, const std::string& processes) {
    const auto result =
        finetune(out + ".safetensors", {"--task", "dfd", "--init", path("init.safetensors"), "--data", path("a"),
                                        "--epochs", "2", "--mixup", "0", "--cutmix", "0", "--drop-path", "0",
                                        "--batch-size", batch, "--nproc", processes, "--checkpoint-blocks"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return training_losses(*dir_ / (out + ".run"));
  };
  const auto one = run("one", "6", "1"), two = run("two", "3", "2");
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], two[i], 1e-5) << "step " << i + 1;
}

TEST_F(FinetuneCli, AntiSpoofingSharesABalancedStepAmongProcesses) {
  const std::vector<std::string> args = {"--task", "fas",     "--init",  path("init.safetensors"),
                                         "--data", path("b"), path("c"), "--max-steps",
                                         "3",      "--nproc", "2"};
  auto even = args, odd = args;
  even.insert(even.end(), {"--per-domain", "2"});
  odd.insert(odd.end(), {"--per-domain", "3"});
  const auto result = finetune("shared.safetensors", even);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(ModelFile::open(*dir_ / "shared.safetensors").card().training["pictures_per_step"], 8);
  const auto refused = finetune("odd.safetensors", odd);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("multiple of the number of processes"), std::string::npos) << refused.err;
}

TEST_F(FinetuneCli, ACardWithoutSizesIsNoObstacle) {
  const ModelFile init = ModelFile::open(*dir_ / "init.safetensors");
  ModelCard card = init.card();
  for (const auto& config : {nlohmann::json(), nlohmann::json::array({192, 12})}) {
    card.config = config;
    write_model(*dir_ / "odd.safetensors", card, init.tensors());
    const auto result = finetune("of-odd.safetensors", {"--init", path("odd.safetensors"), "--data", path("a"),
                                                        "--batch-size", "6", "--max-steps", "1", "--overwrite"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
}

TEST_F(FinetuneCli, MistakesAreOneLine) {
  const auto check = [&](std::vector<std::string> more, const std::string& expected) {
    const auto result = finetune("bad.safetensors", std::move(more));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(dir_->path() / "bad.safetensors"));
  };
  check({"--init", "scratch", "--data", path("a")}, "--model");
  check({"--init", path("nowhere.pth"), "--data", path("a")}, "nowhere.pth");
  check({"--init", path("init.safetensors"), "--data", path("a/train/real")}, "--self-blend");
  check({"--init", path("init.safetensors"), "--data", path("b/train/live"), "--self-blend", "0.5"}, "fsfm prepare");
  check({"--init", path("init.safetensors"), "--data", path("a"), "--attack-classes", "fakes"}, "did you mean fake?");
  check({"--init", path("init.safetensors"), "--data", path("a"), "--batch-size", "0"}, "--batch-size 0");
  check({"--init", path("init.safetensors"), "--data", path("a"), "--epochs", "0"}, "--epochs 0");
}

// Every recipe that the project ships runs, shrunk to a size that tests can bear.
TEST_F(FinetuneCli, EveryRecipeRuns) {
  for (const auto& file :
       list_files(test::source_dir() / "recipes", [](const fs::path& p) { return p.extension() == ".toml"; })) {
    const bool detector = read_file(file).find("task = \"") != std::string::npos;
    const std::string out = path(file.stem().string() + "-recipe.safetensors");
    std::vector<std::string> args = {detector ? "finetune" : "pretrain",
                                     "--recipe",
                                     file.string(),
                                     "--out",
                                     out,
                                     "--threads",
                                     "1",
                                     "--max-steps",
                                     "2",
                                     "--batch-size",
                                     "2",
                                     "--accumulate",
                                     "1"};
    const bool fas = read_file(file).find("task = \"fas\"") != std::string::npos;
    const std::vector<std::string> more =
        detector
            ? std::vector<std::string>{"--warmup-epochs",        "0",      "--init",
                                       path("init.safetensors"), "--data", path(fas ? "b" : "a"),
                                       "--per-domain",           "2"}
            : std::vector<std::string>{"--model",         "tiny", "--img-size",  "32",   "--decoder-dim", "32",
                                       "--decoder-depth", "1",    "--precision", "fp32", "--data",        path("a")};
    args.insert(args.end(), more.begin(), more.end());
    const auto result = run_cli(args);
    EXPECT_EQ(result.exit_code, 0) << file << ": " << result.err;
  }
}

}  // namespace
}  // namespace fsfm
