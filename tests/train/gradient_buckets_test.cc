#include "train/distributed/gradient_buckets.h"

#include <gtest/gtest.h>

#include "train/distributed/gather.h"

namespace fsfm {
namespace {

// A second process whose gradients and rows are three times ours: sums are four times ours, means twice.
class TripledPartner : public Communicator {
 public:
  int size() const override { return 2; }
  std::function<void()> begin_sum(torch::Tensor tensor) override {
    ++begun;
    return [this, tensor]() mutable {
      torch::NoGradGuard no_grad;
      tensor.mul_(4);
      ++ended;
    };
  }
  int begun = 0, ended = 0;
};

struct Stack {
  torch::nn::Sequential layers{torch::nn::Linear(4, 6), torch::nn::Linear(6, 6), torch::nn::Linear(6, 3)};
  torch::Tensor x = torch::randn({5, 4});
  torch::Tensor loss() { return layers->forward(x).square().sum(); }
  std::vector<torch::Tensor> gradients() {
    std::vector<torch::Tensor> all;
    for (auto& parameter : layers->parameters()) {
      all.push_back(parameter.grad().clone());
      parameter.mutable_grad().reset();
    }
    return all;
  }
};

TEST(GradientBuckets, SetOutWhileBackwardRunsAndCoverEveryGradient) {
  Stack stack;
  stack.loss().backward();
  const auto own = stack.gradients();
  TripledPartner others;
  GradientBuckets buckets(stack.layers->parameters(), others, /*bucket_elements=*/30);
  for (int step = 0; step < 3; ++step) {
    others.begun = others.ended = 0;
    stack.loss().backward();  // an earlier batch of the step: adds up here, goes nowhere
    EXPECT_EQ(others.begun, 0);
    buckets.arm();
    // The first layer's gradient comes last: what the hook sees is the state in the middle of backward.
    int begun_before_the_end = -1;
    const auto parameters = stack.layers->parameters();
    const auto handle = parameters[0].register_hook([&](torch::Tensor) { begun_before_the_end = others.begun; });
    stack.loss().backward();
    parameters[0].remove_hook(handle);
    if (step > 0) {
      EXPECT_GT(begun_before_the_end, 0);  // the first step learns the order
    }
    EXPECT_EQ(others.ended, 0);
    buckets.finish();
    EXPECT_EQ(others.begun, others.ended);
    EXPECT_GT(others.begun, 1);
    const auto averaged = stack.gradients();
    for (size_t i = 0; i < own.size(); ++i) EXPECT_TRUE(torch::allclose(averaged[i], own[i] * 4)) << i;
  }
}

TEST(GradientBuckets, LeaveNoHooksBehind) {
  Stack stack;
  TripledPartner others;
  {
    GradientBuckets buckets(stack.layers->parameters(), others);
    buckets.arm();
  }
  stack.loss().backward();
  EXPECT_EQ(others.begun, 0);
}

TEST(GradientBuckets, AProcessAloneKeepsItsGradients) {
  Stack stack;
  stack.loss().backward();
  const auto own = stack.gradients();
  Communicator alone;
  GradientBuckets buckets(stack.layers->parameters(), alone);
  buckets.arm();
  stack.loss().backward();
  buckets.finish();
  const auto after = stack.gradients();
  for (size_t i = 0; i < own.size(); ++i) EXPECT_TRUE(torch::equal(after[i], own[i]));
}

TEST(GatherRows, IsTheIdentityAlone) {
  Communicator alone;
  const auto rows = torch::randn({3, 2}, torch::requires_grad());
  EXPECT_TRUE(gather_rows(rows, alone).is_same(rows));
}

TEST(GatherRows, OwnRowsComeFirstOnRankZeroAndTakeTheGradient) {
  TripledPartner others;
  const auto rows = torch::ones({3, 2}, torch::requires_grad());
  const auto all = gather_rows(rows, others);
  EXPECT_EQ(all.sizes(), (std::vector<int64_t>{6, 2}));
  (all * torch::arange(12).view({6, 2})).sum().backward();
  EXPECT_TRUE(torch::equal(rows.grad(), 2 * torch::arange(6).view({3, 2}).to(torch::kFloat)));
}

}  // namespace
}  // namespace fsfm
