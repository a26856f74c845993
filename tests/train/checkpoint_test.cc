#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::TempDir;

TEST(Checkpoint, HoldsTensorsStateAndRandomNumbers) {
  TempDir dir;
  torch::manual_seed(5);
  Checkpoint out;
  out.put("online.", {{"w", torch::randn({3, 4})}, {"n", torch::tensor({1, 2, 3})}});
  out.put("random.", random_state());
  out.state = {{"step", 7}, {"best", nullptr}};
  write_checkpoint(dir / "c.safetensors", out);
  const auto drawn = torch::randn({5});

  const Checkpoint in = read_checkpoint(dir / "c.safetensors");
  EXPECT_EQ(in.state, out.state);
  EXPECT_TRUE(torch::equal(in.part("online.").at("w"), out.tensors.at("online.w")));
  EXPECT_TRUE(torch::equal(in.part("online.").at("n"), out.tensors.at("online.n")));
  EXPECT_EQ(in.part("online.").size(), 2u);
  load_random_state(in.part("random."));
  EXPECT_TRUE(torch::equal(torch::randn({5}), drawn));
}

TEST(Checkpoint, AnotherFileIsRefusedByName) {
  TempDir dir;
  write_file_atomic(dir / "x.safetensors", "not a checkpoint");
  EXPECT_THROW(read_checkpoint(dir / "x.safetensors"), Error);
}

TEST(CheckpointFolder, KeepsTheLastFewAndTheBest) {
  TempDir dir;
  CheckpointFolder folder(dir / "checkpoints", 2);
  EXPECT_FALSE(folder.latest());
  Checkpoint checkpoint;
  for (int64_t step : {5, 10, 15, 1000000000}) {
    checkpoint.state = {{"step", step}};
    folder.save(step, checkpoint);
    if (step == 10) folder.mark_best();
  }
  EXPECT_EQ(read_checkpoint(*folder.latest()).state["step"], 1000000000);
  EXPECT_EQ(read_checkpoint(*folder.best()).state["step"], 10);
  EXPECT_EQ(dir.count(), 4u);  // the folder, two steps, the best
  folder.clear();
  EXPECT_FALSE(folder.latest());
  EXPECT_FALSE(folder.best());
}

TEST(CheckpointFolder, ADamagedLastCheckpointNamesTheOneBefore) {
  TempDir dir;
  CheckpointFolder folder(dir.path(), 2);
  Checkpoint checkpoint;
  checkpoint.put("w.", {{"w", torch::zeros({100})}});
  for (int64_t step : {5, 10}) folder.save(step, checkpoint);
  fs::resize_file(*folder.latest(), fs::file_size(*folder.latest()) - 8);
  const auto message = [&] { return test::error_text([&] { folder.resume_point(true, false, {}); }); };
  EXPECT_NE(message().find("step-000000010.safetensors"), std::string::npos) << message();
  EXPECT_NE(message().find("or remove it: --resume then goes on from step 5"), std::string::npos) << message();
  fs::remove(dir / "step-000000005.safetensors");
  EXPECT_NE(message().find("or start anew with --overwrite"), std::string::npos) << message();
}

}  // namespace
}  // namespace fsfm
