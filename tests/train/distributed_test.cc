#include "train/distributed/distributed.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "train/pretrain/pretrain_step.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

// Sets variables for the length of a test.
class Environment {
 public:
  explicit Environment(std::vector<std::pair<const char*, const char*>> values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name, value, 1);
  }
  ~Environment() {
    for (const auto& [name, value] : values_) ::unsetenv(name);
  }

 private:
  std::vector<std::pair<const char*, const char*>> values_;
};

TEST(Distributed, KnowsTheLaunchers) {
  EXPECT_FALSE(place_from_environment());
  {
    Environment torchrun(
        {{"RANK", "3"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "node0"}, {"MASTER_PORT", "1234"}});
    const auto place = place_from_environment();
    ASSERT_TRUE(place);
    EXPECT_EQ(place->rank, 3);
    EXPECT_EQ(place->world_size, 8);
    EXPECT_EQ(place->local_rank, 1);
    EXPECT_EQ(place->master, "node0");
    EXPECT_EQ(place->port, 1234);
  }
  {
    Environment mpirun(
        {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
    EXPECT_EQ(place_from_environment()->master, "127.0.0.1");
  }
  {
    Environment srun({{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.7"}});
    EXPECT_EQ(place_from_environment()->rank, 2);
    EXPECT_EQ(place_from_environment()->master, "10.0.0.7");
  }
  {
    Environment spread(
        {{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}});
    EXPECT_NE(error_text([] { place_from_environment(); }).find("MASTER_ADDR"), std::string::npos);
  }
  Environment broken({{"RANK", "three"}, {"WORLD_SIZE", "8"}});
  EXPECT_NE(error_text([] { place_from_environment(); }).find("RANK=three"), std::string::npos);
}

constexpr int kImageSide = 32, kImagePatches = 16;

struct WorldCase {
  const char* name;
  SimilarityLoss similarity;
  int batches;  // a step
  bool checkpoint_blocks;
};

PretrainStepOptions learner_options(const WorldCase& world) {
  PretrainStepOptions options;
  options.objective.similarity = world.similarity;
  options.checkpoint_blocks = world.checkpoint_blocks;
  options.network.encoder = {.img_size = kImageSide, .patch_size = 8, .embed_dim = 32, .depth = 2, .num_heads = 2};
  options.network.decoder_embed_dim = 16;
  options.network.decoder_depth = 1;
  options.network.decoder_num_heads = 2;
  options.network.rep_decoder_depth = 1;
  options.network.rep_decoder_num_heads = 2;
  options.network.projection_size = 8;
  options.network.projection_hidden_size = 16;
  // Different first weights on purpose: rank 0's must win.
  options.seed = static_cast<uint64_t>(::getpid());
  return options;
}

// Samples first..first+count of an endless seeded stream; the number of M_fr patches differs from picture to picture.
Batch samples(int first, int count) {
  Batch batch;
  batch.size = count;
  batch.side = kImageSide;
  for (int i = first; i < first + count; ++i) {
    Rng rng(17, static_cast<uint64_t>(i) + 1);
    for (int k = 0; k < 3 * kImageSide * kImageSide; ++k) batch.images.push_back(static_cast<float>(rng.normal()));
    for (int p = 0; p < kImagePatches; ++p) {
      batch.masked.push_back(p < 12);
      batch.region.push_back(p < 1 + i % 5);
    }
    batch.labels.push_back(0);
  }
  return batch;
}

constexpr int kSteps = 4, kPerRank = 3;
constexpr double kRate = 2e-4;

// The batches of one step, `count` faces each, of which this process has the share that begins at `offset`.
std::vector<Batch> step_batches(const WorldCase& world, int step, int offset, int count) {
  std::vector<Batch> batches;
  for (int i = 0; i < world.batches; ++i)
    batches.push_back(samples((step * world.batches + i) * 2 * kPerRank + offset, count));
  return batches;
}

class WorldSize : public ::testing::TestWithParam<WorldCase> {};

TEST_P(WorldSize, TwoProcessesEqualOneWithTwiceTheBatch) {
  const WorldCase& world = GetParam();
  TempDir dir;
  const auto first_weights = dir / "first.safetensors", last_weights = dir / "last.safetensors";
  const int code = [&] {
    // A child of its own: torch's threads must not exist when run_distributed forks.
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(run_distributed(2, [&](Communicator& others) {
        torch::set_num_threads(1);
        PretrainLearner learner(learner_options(world), torch::kCPU, others);
        Checkpoint start;
        learner.save(start);
        if (others.is_main()) write_checkpoint(first_weights, start);
        nlohmann::json losses = nlohmann::json::array();
        for (int step = 0; step < kSteps; ++step) {
          const auto batches = step_batches(world, step, others.rank() * kPerRank, kPerRank);
          losses.push_back(learner.step(batches, kRate, 0.9).total);
        }
        // One rank alone sees a NaN: both must skip, and stay in step.
        Batch broken = samples(1000 + others.rank() * kPerRank, kPerRank);
        if (others.rank() == 1) broken.images[5] = std::numeric_limits<float>::quiet_NaN();
        if (!learner.step(std::span(&broken, 1), kRate, 0.9).skipped) return 3;
        Checkpoint end;
        learner.save(end);
        end.state["losses"] = losses;
        if (others.is_main()) write_checkpoint(last_weights, end);
        others.barrier();
        return 0;
      }));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }();
  ASSERT_EQ(code, 0);

  torch::set_num_threads(1);
  Communicator alone;
  PretrainLearner learner(learner_options(world), torch::kCPU, alone);
  const Checkpoint start = read_checkpoint(first_weights), end = read_checkpoint(last_weights);
  learner.load(start);
  for (int step = 0; step < kSteps; ++step)
    EXPECT_NEAR(learner.step(step_batches(world, step, 0, 2 * kPerRank), kRate, 0.9).total,
                end.state["losses"][static_cast<size_t>(step)].get<double>(), 1e-5);
  Checkpoint mine;
  learner.save(mine);
  // Adam divides a gradient by its own size. Where the true gradient is zero (a bias of the keys adds the same to all
  // logits of a query, which softmax ignores) or nearly so, rounding noise decides the step: those few weights may
  // drift apart by Adam's full step, and only by that; all others agree to 1e-5.
  double target_moved = 0, furthest = 0;
  int64_t weights = 0, apart = 0;
  for (const auto& [name, tensor] : mine.tensors) {
    if (!name.starts_with("online.") && !name.starts_with("target.")) continue;
    auto difference = (tensor - end.tensors.at(name)).abs();
    furthest = std::max(furthest, difference.max().item<double>());
    if (name.ends_with("attn.qkv.bias")) difference.narrow(0, difference.size(0) / 3, difference.size(0) / 3).zero_();
    weights += difference.numel();
    apart += (difference > 1e-5).sum().item<int64_t>();
    if (name.starts_with("target."))
      target_moved = std::max(target_moved, (end.tensors.at(name) - start.tensors.at(name)).abs().max().item<double>());
  }
  EXPECT_LT(furthest, 2.1 * kRate * kSteps);
  EXPECT_LE(apart, weights / 1000) << apart << " of " << weights << " weights differ";
  EXPECT_GT(target_moved, 1e-4);  // the moving average does move at world size 2
}

INSTANTIATE_TEST_SUITE_P(Distributed, WorldSize,
                         ::testing::Values(WorldCase{"simsiam", SimilarityLoss::simsiam, 1, false},
                                           WorldCase{"infonce_two_batches", SimilarityLoss::infonce, 2, false},
                                           WorldCase{"simclr_checkpointed", SimilarityLoss::simclr, 1, true}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Distributed, AProcessThatDoesNotComeIsSaid) {
  TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    ProcessPlace place;
    place.world_size = 3;
    std::string message;
    for (int port = 29600; port < 29700; ++port) {  // the first free one
      place.port = static_cast<uint16_t>(port);
      try {
        connect(place, 0.3);
      } catch (const Error& error) {
        message = error.what();
        if (message.find("is in use") == std::string::npos) break;
      }
    }
    write_file_atomic(dir / "message", message);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  const std::string message = read_file(dir / "message");
  EXPECT_NE(message.find("only 1 of 3 processes came to 127.0.0.1:296"), std::string::npos) << message;
}

TEST(Distributed, ALostProcessEndsTheOthersWithAWayOut) {
  TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!std::freopen((dir / "err").c_str(), "w", stderr)) ::_exit(126);
    std::setvbuf(stderr, nullptr, _IONBF, 0);  // as it is outside a test: _exit writes nothing out
    ::_exit(run_distributed(2, [&](Communicator& others) {
      others.barrier();
      if (others.rank() == 1) ::_exit(9);  // dies without a word
      for (int i = 0; i < 100; ++i) others.barrier();
      return 0;
    }));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 9);
  const std::string message = read_file(dir / "err");
  EXPECT_NE(message.find("lost contact"), std::string::npos) << message;
  EXPECT_NE(message.find("--resume"), std::string::npos) << message;
}

}  // namespace
}  // namespace fsfm
