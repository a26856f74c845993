#include "train/pretrain/pretrain_step.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/rng.h"

namespace fsfm {
namespace {

constexpr int kSide = 32, kPatch = 8, kPatches = 16;

PretrainStepOptions tiny_options() {
  PretrainStepOptions options;
  options.network.encoder = {.img_size = kSide, .patch_size = kPatch, .embed_dim = 32, .depth = 2, .num_heads = 2};
  options.network.decoder_embed_dim = 16;
  options.network.decoder_depth = 1;
  options.network.decoder_num_heads = 2;
  options.network.rep_decoder_depth = 1;
  options.network.rep_decoder_num_heads = 2;
  options.network.projection_size = 8;
  options.network.projection_hidden_size = 16;
  options.seed = 1;
  return options;
}

// Smooth colour ramps: something a network can learn in a few steps.
Batch make_batch(int size, uint64_t seed) {
  Rng rng(seed);
  Batch batch;
  batch.size = size;
  batch.side = kSide;
  batch.labels.resize(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) {
    const double a = rng.uniform(-1, 1), b = rng.uniform(-1, 1);
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < kSide; ++y)
        for (int x = 0; x < kSide; ++x) batch.images.push_back(static_cast<float>((a * x + b * y) / kSide + 0.1 * c));
    std::vector<uint8_t> masked(kPatches, 0), region(kPatches, 0);
    for (int p = 0; p < 12; ++p) masked[static_cast<size_t>(p)] = 1;
    rng.shuffle(std::span(masked));
    for (int p = 0; p < kPatches; ++p) region[static_cast<size_t>(p)] = masked[static_cast<size_t>(p)] && p % 4 == 0;
    batch.masked.insert(batch.masked.end(), masked.begin(), masked.end());
    batch.region.insert(batch.region.end(), region.begin(), region.end());
  }
  return batch;
}

std::vector<Batch> one(int size, uint64_t seed) { return {make_batch(size, seed)}; }

TEST(PretrainStep, LearnsAndMovesTheTarget) {
  Communicator alone;
  PretrainLearner learner(tiny_options(), torch::kCPU, alone);
  const auto before = learner.target()->named_parameters()["blocks.0.attn.qkv.weight"].clone();
  const double first = learner.step(one(8, 0), 3e-3, 0.9).masked;
  double last = first;
  for (uint64_t i = 1; i < 40; ++i) last = learner.step(one(8, i), 3e-3, 0.9).masked;
  EXPECT_LT(last, 0.9 * first);
  const auto& online = learner.online()->named_parameters()["blocks.0.attn.qkv.weight"];
  const auto& target = learner.target()->named_parameters()["blocks.0.attn.qkv.weight"];
  EXPECT_FALSE(torch::equal(target, before));
  EXPECT_FALSE(torch::equal(target, online));
  EXPECT_LT((target - online).norm().item<float>(), (before - online).norm().item<float>());
}

TEST(PretrainStep, ANanStepChangesNothingAndIsReported) {
  Communicator alone;
  PretrainLearner learner(tiny_options(), torch::kCPU, alone);
  learner.step(one(4, 0), 1e-3, 0.99);
  Checkpoint before, after;
  learner.save(before);
  for (auto& [name, tensor] : before.tensors) tensor = tensor.clone();
  auto broken = one(4, 1);
  broken[0].images[100] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(learner.step(broken, 1e-3, 0.99).skipped);
  learner.save(after);
  for (const auto& [name, tensor] : before.tensors) EXPECT_TRUE(torch::equal(tensor, after.tensors.at(name))) << name;
  EXPECT_FALSE(learner.step(one(4, 2), 1e-3, 0.99).skipped);
}

TEST(PretrainStep, ResumesBitEqual) {
  torch::set_num_threads(1);
  Communicator alone;
  PretrainLearner unbroken(tiny_options(), torch::kCPU, alone), first(tiny_options(), torch::kCPU, alone);
  for (uint64_t i = 0; i < 3; ++i) {
    unbroken.step(one(4, i), 1e-3, 0.99);
    first.step(one(4, i), 1e-3, 0.99);
  }
  Checkpoint checkpoint;
  first.save(checkpoint);
  auto other = tiny_options();
  other.seed = 99;  // whatever it starts from is replaced
  PretrainLearner second(other, torch::kCPU, alone);
  second.load(checkpoint);
  for (uint64_t i = 3; i < 6; ++i)
    EXPECT_EQ(unbroken.step(one(4, i), 1e-3, 0.99).total, second.step(one(4, i), 1e-3, 0.99).total);
}

TEST(PretrainStep, AccumulatedBatchesEqualOneLargeBatch) {
  Communicator alone;
  auto options = tiny_options();
  PretrainLearner whole(options, torch::kCPU, alone), parts(options, torch::kCPU, alone);
  const Batch large = make_batch(8, 3);
  std::vector<Batch> halves;
  for (int half = 0; half < 2; ++half) {
    Batch batch;
    batch.size = 4;
    batch.side = kSide;
    const auto cut = [&](const auto& from, auto& to) {
      const auto n = static_cast<int64_t>(from.size()) / 2;
      to.assign(from.begin() + half * n, from.begin() + (half + 1) * n);
    };
    cut(large.images, batch.images);
    cut(large.masked, batch.masked);
    cut(large.region, batch.region);
    halves.push_back(batch);
  }
  const auto a = whole.step(std::span(&large, 1), 1e-3, 0.99), b = parts.step(halves, 1e-3, 0.99);
  EXPECT_NEAR(a.total, b.total, 1e-5);
  EXPECT_NEAR(a.region, b.region, 1e-5);  // the batches hold different numbers of patches of the region
  EXPECT_NEAR(a.grad_norm, b.grad_norm, 1e-5 * a.grad_norm);
}

TEST(PretrainStep, InCompatTheTargetMovesOnceABatchEachTimeWithItsOwnMomentum) {
  Communicator alone;
  auto options = tiny_options();
  options.average_every_batch = true;
  PretrainLearner learner(options, torch::kCPU, alone);
  const auto value = [](auto& network) { return network->named_parameters()["norm.weight"].detach().clone(); };
  learner.step(one(4, 0), 1e-2, 0.5);  // online and target differ from now on
  const auto online_before = value(learner.online()), target_before = value(learner.target());
  const std::vector<Batch> batches = {make_batch(4, 1), make_batch(4, 2), make_batch(4, 3)};
  const std::vector<double> momenta = {0.6, 0.7, 0.8};
  learner.step(batches, 1e-2, momenta);
  auto expected = target_before * 0.6 + online_before * 0.4;
  expected = expected * 0.7 + online_before * 0.3;
  expected = expected * 0.8 + value(learner.online()) * 0.2;  // the last time after the optimiser
  EXPECT_TRUE(torch::allclose(value(learner.target()), expected, 1e-6, 1e-7));
  EXPECT_FALSE(torch::equal(online_before, value(learner.online())));
}

TEST(PretrainStep, WithoutSimilarityNeitherPredictorNorTargetWork) {
  Communicator alone;
  auto options = tiny_options();
  options.objective.similarity_weight = 0;
  options.objective.region_weight = 0;
  PretrainLearner learner(options, torch::kCPU, alone);
  const auto predictor = learner.online()->named_parameters()["predictor.projection_head.0.weight"].clone();
  const auto target = learner.target()->named_parameters()["norm.weight"].clone();
  const auto losses = learner.step(one(4, 0), 1e-2, 0.5);
  EXPECT_EQ(losses.similarity, 0.0);
  EXPECT_DOUBLE_EQ(losses.total, losses.masked);
  EXPECT_TRUE(torch::equal(learner.online()->named_parameters()["predictor.projection_head.0.weight"], predictor));
  EXPECT_TRUE(torch::equal(learner.target()->named_parameters()["norm.weight"], target));
}

}  // namespace
}  // namespace fsfm
