// Networks: shapes of the family, and the shortcuts that must not change a result. (Equality with the reference numbers
// is the selfcheck's business, tests/cli/learn/selfcheck_test.cc.)
#include <gtest/gtest.h>

#include "base/error.h"
#include "nn/adapter.h"
#include "nn/fsfm_net.h"
#include "nn/losses.h"
#include "support/tiny_fsfm.h"

namespace {

using namespace fsfm;

// 12 of 16 patches hidden, another set in each image; the first hidden ones form the region.
MaskIndices tiny_mask(int batch) {
  std::vector<uint8_t> masked(batch * 16, 1), region(batch * 16, 0);
  for (int b = 0; b < batch; ++b) {
    for (int i = 0; i < 4; ++i) masked[b * 16 + (b + 3 * i) % 16] = 0;
    for (int p = 0, left = 5; p < 16 && left > 0; ++p) {
      if (masked[b * 16 + p]) region[b * 16 + p] = 1, --left;
    }
  }
  return MaskIndices::from_masks(masked, region, batch, 16);
}

int64_t count_parameters(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

TEST(FsfmNet, BaseHasThePublishedSize) {
  const auto config = FsfmConfig::named("base");
  EXPECT_NEAR(count_parameters(*FsfmOnline(config)) / 1e6, 133.7, 0.5);
  EXPECT_NEAR(count_parameters(*FsfmTarget(config)) / 1e6, 105.5, 0.5);
}

TEST(FsfmNet, EveryNamedSizeIsConsistent) {
  for (const char* name : {"tiny", "small", "base", "large", "huge"})
    EXPECT_NO_THROW(FsfmConfig::named(name).check()) << name;
  EXPECT_THROW(FsfmConfig::named("gigantic"), Error);
}

TEST(FsfmNet, ConfigurationSurvivesJson) {
  const auto config = tiny_fsfm();
  const auto copy = FsfmConfig::from_json(config.to_json());
  EXPECT_EQ(copy.to_json(), config.to_json());
  auto broken = config.to_json();
  broken["num_heads"] = 5;
  EXPECT_THROW(FsfmConfig::from_json(broken), Error);
  broken["num_heads"] = "many";
  EXPECT_THROW(FsfmConfig::from_json(broken), Error);
}

TEST(FsfmNet, HiddenPatchesAloneEqualThoseOfTheFullPrediction) {
  torch::manual_seed(1);
  FsfmOnline online(tiny_fsfm());
  const auto images = torch::randn({3, 3, 32, 32});
  const auto mask = tiny_mask(3);
  torch::NoGradGuard no_grad;
  const auto all = online->predict_all(images, mask);  // [B,L,192]
  const auto expected = all.gather(1, mask.hidden.unsqueeze(-1).expand({-1, -1, all.size(2)}));
  EXPECT_TRUE(torch::allclose(online(images, mask).pred, expected, 1e-5, 1e-6));
}

TEST(FsfmNet, HiddenPixelsDoNotReachTheOnlineNetwork) {
  torch::manual_seed(2);
  FsfmOnline online(tiny_fsfm());
  const auto mask = tiny_mask(2);
  auto patches = patchify(torch::randn({2, 3, 32, 32}), 8);
  torch::NoGradGuard no_grad;
  const auto before = online(unpatchify(patches, 8), mask).feature;
  patches.scatter_(1, mask.hidden.unsqueeze(-1).expand({-1, -1, patches.size(2)}), 7.0);
  EXPECT_TRUE(torch::equal(before, online(unpatchify(patches, 8), mask).feature));
}

TEST(FsfmNet, MasksOfUnequalSizeAreRefused) {
  EXPECT_THROW(MaskIndices::from_masks(std::vector<uint8_t>{1, 0, 1, 1}, std::vector<uint8_t>(4), 2, 2), Error);
  EXPECT_THROW(MaskIndices::from_masks(std::vector<uint8_t>(3), std::vector<uint8_t>(4), 2, 2), Error);
}

TEST(FsfmNet, TargetFollowsTheOnlineNetwork) {
  torch::manual_seed(3);
  FsfmOnline online(tiny_fsfm());
  FsfmTarget target(tiny_fsfm());
  copy_shared(online, target);
  const auto images = torch::randn({1, 3, 32, 32});
  const auto before = target(images);
  EXPECT_FALSE(before.requires_grad());
  {
    torch::NoGradGuard no_grad;
    for (auto& parameter : online->parameters()) parameter.add_(0.1);
  }
  ema_update(online, target, 0.75);
  const auto ours = target->named_parameters()["mask_token"], theirs = online->named_parameters()["mask_token"];
  EXPECT_TRUE(torch::allclose(ours, theirs - 0.075, 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(before, target(images)));
}

TEST(Block, FinishingSomeRowsEqualsFinishingAll) {
  torch::manual_seed(4);
  Block block(32, 4, 4.0);
  const auto x = torch::randn({2, 7, 32});
  const auto rows = torch::tensor({0, 3, 9, 13}, torch::kInt64);
  EXPECT_TRUE(torch::allclose(block(x, rows), block(x).flatten(0, 1).index_select(0, rows), 1e-5, 1e-6));
}

TEST(PatchEmbed, EqualsTheConvolutionAndSkipsUnwantedPatches) {
  torch::manual_seed(5);
  PatchEmbed embed(8, 16);
  const auto images = torch::randn({2, 3, 24, 24});
  const auto expected = embed->proj(images).flatten(2).transpose(1, 2);  // [B,9,16]
  EXPECT_TRUE(torch::allclose(embed(images), expected, 1e-4, 1e-5));
  const auto keep = torch::tensor({{8, 0}, {3, 4}}, torch::kInt64);
  EXPECT_TRUE(
      torch::allclose(embed(images, keep), expected.gather(1, keep.unsqueeze(-1).expand({-1, -1, 16})), 1e-4, 1e-5));
}

TEST(Positions, ResizingThereAndTheTableOfTheClassToken) {
  const auto table = sincos_positions(16, 4);
  EXPECT_EQ(table.slice(1, 0, 1).abs().max().item<float>(), 0.0f);
  EXPECT_TRUE(torch::equal(resize_positions(table, 4), table));
  const auto larger = resize_positions(table, 7);
  EXPECT_EQ(larger.size(1), 50);
  EXPECT_THROW(resize_positions(table.slice(1, 0, 4), 7), Error);
  EXPECT_THROW(sincos_positions(18, 4), Error);
}

TEST(Losses, PatchesGoThereAndBack) {
  const auto images = torch::randn({2, 3, 24, 24});
  EXPECT_TRUE(torch::equal(unpatchify(patchify(images, 8), 8), images));
}

TEST(Losses, ARegionThatIsEmptyCostsNothing) {
  auto mask = tiny_mask(2);
  mask.region.zero_();
  const auto pred = torch::zeros({2, 12, 192}, torch::requires_grad());
  const auto loss = reconstruction_loss(pred, torch::randn({2, 3, 32, 32}), mask, 8, true);
  EXPECT_EQ(loss.region.item<float>(), 0.0f);
  (loss.masked + loss.region).backward();
  EXPECT_TRUE(pred.grad().isfinite().all().item<bool>());
}

TEST(Losses, UniformPatchesDoNotDivideByZero) {
  const auto mask = tiny_mask(1);
  const auto loss = reconstruction_loss(torch::zeros({1, 12, 192}), torch::full({1, 3, 32, 32}, 0.5f), mask, 8, true);
  EXPECT_TRUE(loss.masked.isfinite().item<bool>());
}

TEST(AdapterVit, OnlyTheAdapterLearns) {
  const VitConfig config{
      .img_size = 32, .patch_size = 8, .embed_dim = 32, .depth = 1, .num_heads = 4, .num_classes = 2};
  AdapterVit vit(config);
  for (const auto& item : vit->named_parameters()) {
    const bool ours =
        item.key().starts_with("adapter.") || item.key().starts_with("projector.") || item.key().starts_with("head.");
    EXPECT_EQ(item.value().requires_grad(), ours) << item.key();
  }
  const auto out = vit->forward_adapter(torch::randn({2, 3, 32, 32}));
  EXPECT_EQ(out.logits.sizes(), (std::vector<int64_t>{2, 2}));
  EXPECT_TRUE(torch::allclose(out.projected.norm(2, {1}), torch::ones({2})));
}

TEST(RealAnchorLoss, FakesMayLieAnywhereTogether) {
  // Two reals at one point, two fakes at another: pulling the fakes apart must not change the loss.
  const auto real = torch::tensor({1.0f, 0.0f}), fake = torch::tensor({0.0f, 1.0f}),
             other_fake = torch::tensor({0.0f, -1.0f});
  const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);
  const auto together = real_anchor_contrastive_loss(torch::stack({real, real, fake, fake}), labels, 0);
  const auto apart = real_anchor_contrastive_loss(torch::stack({real, real, fake, other_fake}), labels, 0);
  EXPECT_FLOAT_EQ(together.item<float>(), apart.item<float>());
}

// The class token's attention, as shown to people, is the one that the block computes with.
TEST(Vit, ClassAttentionIsWhatTheBlockMixes) {
  torch::manual_seed(4);
  torch::NoGradGuard no_grad;
  Block block(32, 4, 4.0);
  const auto x = torch::randn({2, 17, 32}) * 3;
  const auto attention = block->class_attention(x);  // [2,4,16]
  EXPECT_EQ(attention.sizes(), (std::vector<int64_t>{2, 4, 16}));
  const auto values = block->attn->qkv(block->norm1(x)).slice(2, 64).view({2, 17, 4, 8}).transpose(1, 2);  // [2,4,17,8]
  const auto all = torch::cat({1 - attention.sum(-1, true), attention}, -1).unsqueeze(2);                  // [2,4,1,17]
  const auto mixed =
      x.slice(1, 0, 1) + block->attn->proj(torch::matmul(all, values).transpose(1, 2).reshape({2, 1, 32}));
  const auto expected = mixed + block->mlp->fc2(torch::gelu(block->mlp->fc1(block->norm2(mixed))));
  EXPECT_TRUE(torch::allclose(block(x).slice(1, 0, 1), expected, 1e-4, 1e-5));
}

}  // namespace
