#include "nn/recompute.h"

#include <gtest/gtest.h>

#include "nn/losses.h"
#include "nn/precision.h"
#include "nn/vit.h"
#include "support/tiny_fsfm.h"

namespace fsfm {
namespace {

// Sets one thread for a test: sums then have one order.
class OneThread {
 public:
  OneThread() : before_(torch::get_num_threads()) { torch::set_num_threads(1); }
  ~OneThread() { torch::set_num_threads(before_); }

 private:
  int before_;
};

std::map<std::string, torch::Tensor> gradients_of(torch::nn::Module& module) {
  std::map<std::string, torch::Tensor> gradients;
  for (auto& item : module.named_parameters()) {
    if (!item.value().grad().defined()) continue;
    gradients.emplace(item.key(), item.value().grad().clone());
    item.value().mutable_grad().reset();
  }
  return gradients;
}

void expect_equal(const std::map<std::string, torch::Tensor>& a, const std::map<std::string, torch::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, gradient] : a) EXPECT_TRUE(torch::equal(gradient, b.at(name))) << name;
}

TEST(Recompute, StochasticDepthDrawsTheSameNumbersTwice) {
  OneThread one;
  VitConfig config{.img_size = 32, .patch_size = 8, .embed_dim = 32, .depth = 4, .num_heads = 2, .num_classes = 3};
  config.drop_path = 0.5;
  torch::manual_seed(1);
  Vit vit(config);
  const auto images = torch::randn({8, 3, 32, 32});
  const auto run = [&](bool recompute, Precision precision) {
    recompute_blocks(*vit, recompute);
    torch::manual_seed(7);
    torch::Tensor loss;
    for (int batch = 0; batch < 2; ++batch) {  // gradients of two batches add up
      {
        const PrecisionScope scope(precision, torch::kCPU, /*even_if_slow=*/true);
        loss = vit(images + batch).square().sum();
      }
      loss.backward();
    }
    auto gradients = gradients_of(*vit);
    gradients.emplace("loss", loss.detach());
    gradients.emplace("next random number", torch::randn({1}));
    return gradients;
  };
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
#if defined(__x86_64__)
    // oneDNN multiplies bfloat16 on CPUs with AVX-512 only; elsewhere training falls back to fp32 by itself.
    if (precision == Precision::bf16 && !__builtin_cpu_supports("avx512bw")) continue;
#endif
    const auto plain = run(false, precision);
    expect_equal(plain, run(true, precision));
    EXPECT_FALSE(torch::equal(plain.at("loss"), torch::zeros({})));
  }
}

TEST(Recompute, PretrainingGradientsAreBitEqual) {
  OneThread one;
  torch::manual_seed(2);
  FsfmOnline online(tiny_fsfm(3));
  const auto images = torch::randn({4, 3, 32, 32});
  std::vector<uint8_t> masked(4 * 16), region(4 * 16);
  for (size_t i = 0; i < masked.size(); ++i) masked[i] = i % 4 != 0;
  const auto mask = MaskIndices::from_masks(masked, region, 4, 16);
  const auto run = [&](bool recompute) {
    recompute_blocks(*online, recompute);
    const auto out = online(images, mask);
    const auto loss = reconstruction_loss(out.pred, images, mask, 8, true).masked +
                      similarity_loss(SimilarityLoss::simsiam, out.feature, torch::ones_like(out.feature));
    loss.backward();
    return gradients_of(*online);
  };
  expect_equal(run(false), run(true));
}

TEST(Recompute, OnlyTheInputOfAPieceIsKept) {
  auto kept = std::make_shared<int>(0);  // one count for every intermediate alive
  const auto piece = [&](const torch::Tensor& x) {
    auto middle = x * 2;
    // The node of `middle` owns a share of the count for as long as the graph lives.
    if (middle.requires_grad())
      middle.register_hook([share = std::shared_ptr<int>(kept, kept.get())](torch::Tensor) { return torch::Tensor(); });
    return middle.exp();
  };
  const auto x = torch::ones({3}, torch::requires_grad());
  const auto y = recomputed(piece, x);
  EXPECT_EQ(kept.use_count(), 1);
  const auto plain = piece(x);
  EXPECT_EQ(kept.use_count(), 2);
  y.sum().backward();
  EXPECT_TRUE(torch::allclose(x.grad(), 2 * y));

  torch::NoGradGuard no_grad;
  EXPECT_FALSE(recomputed(piece, x).requires_grad());
}

}  // namespace
}  // namespace fsfm
