// What every training run does around its steps, with steps that learn nothing.
#include "train/run_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "support/error_text.h"
#include "support/memory_dataset.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;
using test::MemoryDataset;
using test::TempDir;

constexpr int64_t kCountingSteps = 4;
constexpr auto kEvaluation = std::chrono::milliseconds(100);

RunSettings counting_settings(const TempDir& dir) {
  RunSettings settings;
  settings.device = "cpu";
  settings.threads = 1;
  settings.out = dir / "m.safetensors";
  return settings;
}

// Two epochs of two steps.
class CountingRun : public RunLoop {
 public:
  CountingRun(const RunSettings& settings, Communicator& others)
      : RunLoop("counting", settings, 1, kRecipe, /*visible=*/false, others),
        data_(4, [](size_t) { return Sample{}; }),
        loader_(
            data_, {.batch_size = 2, .workers = 0}, [](const Dataset&, size_t, Rng&, Batch&, int) {},
            [] {
              Batch batch;
              batch.size = 2;
              return batch;
            }) {
    steps_per_epoch_ = loader_.batches_per_epoch();
    total_steps_ = kCountingSteps;
  }
  using RunLoop::begin;
  using RunLoop::run_steps;
  int64_t step() const { return step_; }
  double logged_seconds = 0;
  std::function<void()> fail;  // in every step

 private:
  nlohmann::json fingerprint() const override { return {{"kind", "counting"}}; }
  void store(Checkpoint&) override {}
  void restore(const Checkpoint&) override {}
  void announce() const override {}
  Loader& loader() override { return loader_; }
  const Dataset& training_data() const override { return data_; }
  Normalization normalization() const override { return {}; }
  bool learn(const std::vector<Batch>&) override {
    if (fail) fail();
    return true;
  }
  void log_step(double seconds) override { logged_seconds += seconds; }
  void evaluate() override { std::this_thread::sleep_for(kEvaluation); }

  static inline const std::string kRecipe = "seed = 0\n";
  MemoryDataset data_;
  Loader loader_;
};

// A world of two in which the other process adds `theirs` to every sum.
struct OtherProcess : Communicator {
  explicit OtherProcess(double theirs) : theirs(theirs) {}
  int size() const override { return 2; }
  std::function<void()> begin_sum(torch::Tensor tensor) override {
    return [tensor, theirs = theirs] { tensor.add_(theirs); };
  }
  double theirs;
};

TEST(RunLoop, ProcessesThatSeeDifferentCheckpointsDoNotBegin) {
  TempDir dir;
  RunSettings settings = counting_settings(dir);
  Communicator alone;
  {  // one run at a time: it holds its folder
    CountingRun whole(settings, alone);
    whole.begin();
    whole.run_steps();
  }
  settings.resume = true;
  OtherProcess same(kCountingSteps), blind(0);
  {
    CountingRun resumed(settings, same);
    resumed.begin();
    EXPECT_EQ(resumed.step(), kCountingSteps);
  }
  const std::string message = error_text([&] { CountingRun(settings, blind).begin(); });
  EXPECT_NE(message.find("m.run: the processes see different checkpoints"), std::string::npos) << message;
}

TEST(RunLoop, OverwritingLeavesNothingOfTheEarlierRun) {
  TempDir dir;
  RunSettings settings = counting_settings(dir);
  const fs::path folder = settings.run_folder(), picture = folder / "reconstructions" / "step-000000400.png",
                 curves = folder / "events.out.tfevents.1.fsfm.1.0";
  fs::create_directories(picture.parent_path());
  for (const auto& file : {picture, curves}) write_file_atomic(file, "old");
  Communicator alone;
  {
    CountingRun first(settings, alone);
    first.begin();
    first.run_steps();
  }
  EXPECT_FALSE(fs::exists(picture));
  EXPECT_FALSE(fs::exists(curves));

  for (const auto& file : {picture, curves}) write_file_atomic(file, "of the first run");
  settings.resume = true;
  CountingRun(settings, alone).begin();
  EXPECT_TRUE(fs::exists(picture));
  settings.resume = false;
  settings.overwrite = true;
  CountingRun(settings, alone).begin();
  EXPECT_FALSE(fs::exists(picture));
  EXPECT_FALSE(fs::exists(curves));
}

TEST(RunLoop, AFailureOfLibtorchIsExplainedAndItsStepIsNotSaved) {
  TempDir dir;
  Communicator alone;
  const RunSettings settings = counting_settings(dir);
  std::optional<CountingRun> run(std::in_place, settings, alone);
  run->begin();
  run->fail = [&] {
    if (run->step() == 1) TORCH_CHECK(false, "out of memory: 20 GiB wanted\nsecond line");
  };
  const std::string message = error_text([&] {
    with_libtorch([&] {
      run->run_steps();
      return 0;
    });
  });
  EXPECT_NE(message.find("20 GiB wanted; for less memory add --checkpoint-blocks"), std::string::npos) << message;
  EXPECT_FALSE(CheckpointFolder(dir / "m.run" / "checkpoints", 1).latest());

  run.reset();
  // Any other failure comes before the weights change.
  CountingRun rescued(settings, alone);
  rescued.begin();
  rescued.fail = [&] {
    if (rescued.step() == 1) throw Error("a picture cannot be read");
  };
  EXPECT_NE(error_text([&] { rescued.run_steps(); }), "");
  EXPECT_TRUE(CheckpointFolder(dir / "m.run" / "checkpoints", 1).latest());
}

TEST(RunLoop, EvaluatingIsNoLearningTime) {
  TempDir dir;
  Communicator alone;
  const RunSettings settings = counting_settings(dir);
  CountingRun run(settings, alone);
  run.begin();
  const auto began = std::chrono::steady_clock::now();
  run.run_steps();
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - began, evaluations = 2 * kEvaluation;
  EXPECT_GE(whole.count() - run.logged_seconds, evaluations.count());
}

}  // namespace
}  // namespace fsfm
