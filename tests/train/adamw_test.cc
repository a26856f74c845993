#include "train/adamw.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace fsfm {
namespace {

struct Pair {
  std::vector<torch::Tensor> ours, theirs;
};

Pair make_params() {
  torch::manual_seed(3);
  Pair pair;
  for (const auto& sizes : {std::vector<int64_t>{300, 517}, {517}, {1, 1, 7}}) {  // the first spans several chunks
    pair.ours.push_back(torch::randn(sizes).requires_grad_());
    pair.theirs.push_back(pair.ours.back().detach().clone().requires_grad_());
  }
  return pair;
}

std::vector<ParamGroup> groups_of(const std::vector<torch::Tensor>& params) {
  return {{1.0, 0.05, {"w", "t"}, {params[0], params[2]}}, {0.5, 0.0, {"b"}, {params[1]}}};
}

torch::optim::AdamW reference_of(const std::vector<torch::Tensor>& params, double lr) {
  auto options = [&](double scale, double decay) {
    return std::make_unique<torch::optim::AdamWOptions>(
        torch::optim::AdamWOptions(lr * scale).betas({0.9, 0.95}).weight_decay(decay));
  };
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<torch::Tensor>{params[0], params[2]}, options(1.0, 0.05));
  groups.emplace_back(std::vector<torch::Tensor>{params[1]}, options(0.5, 0.0));
  return torch::optim::AdamW(groups, torch::optim::AdamWOptions(lr).betas({0.9, 0.95}));
}

void set_grads(std::vector<torch::Tensor>& a, std::vector<torch::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const auto grad = torch::randn_like(a[i]);
    a[i].mutable_grad() = grad.clone();
    b[i].mutable_grad() = grad.clone();
  }
}

TEST(AdamW, EqualsTorchWithClipping) {
  auto params = make_params();
  AdamW ours(groups_of(params.ours), {});
  auto theirs = reference_of(params.theirs, 1e-2);
  for (int step = 0; step < 10; ++step) {
    set_grads(params.ours, params.theirs);
    const double norm = ours.grad_norm();
    const double expected = torch::nn::utils::clip_grad_norm_(params.theirs, 1.0);
    EXPECT_NEAR(norm, expected, 1e-4 * expected);
    ours.step(1e-2, clip_factor(norm, 1.0));
    theirs.step();
  }
  for (size_t i = 0; i < params.ours.size(); ++i)
    EXPECT_LT((params.ours[i] - params.theirs[i]).abs().max().item<float>(), 2e-6);
}

TEST(AdamW, WithCoupledDecayItIsAdam) {
  auto params = make_params();
  AdamW ours({{1.0, 0.05, {"w", "b", "t"}, params.ours}}, {.beta2 = 0.999, .coupled_decay = true});
  torch::optim::Adam theirs(params.theirs, torch::optim::AdamOptions(1e-2).weight_decay(0.05));
  for (int step = 0; step < 10; ++step) {
    set_grads(params.ours, params.theirs);
    ours.step(1e-2);
    theirs.step();
  }
  for (size_t i = 0; i < params.ours.size(); ++i)
    EXPECT_LT((params.ours[i] - params.theirs[i]).abs().max().item<float>(), 2e-6);
}

TEST(AdamW, MovesTheAverageInTheSameSweep) {
  auto params = make_params();
  AdamW ours(groups_of(params.ours), {});
  auto average = torch::zeros_like(params.ours[0]).detach();
  auto expected = average.clone();
  ours.attach_averages({{"w", average}});
  for (int step = 0; step < 3; ++step) {
    set_grads(params.ours, params.theirs);
    ours.step(1e-2, 1.0, 0.9);
    expected = expected * 0.9 + params.ours[0].detach() * 0.1;
  }
  EXPECT_LT((average - expected).abs().max().item<float>(), 1e-6);
  EXPECT_THROW(ours.step(1e-2), std::logic_error);
  EXPECT_THROW(ours.attach_averages({{"unknown", average}}), std::logic_error);
}

TEST(AdamW, StateResumesBitEqual) {
  auto params = make_params();
  AdamW unbroken(groups_of(params.ours), {}), first(groups_of(params.theirs), {});
  set_grads(params.ours, params.theirs);
  unbroken.step(1e-2);
  first.step(1e-2);
  AdamW second(groups_of(params.theirs), {});
  second.load_state(first.state(), first.steps());
  set_grads(params.ours, params.theirs);
  unbroken.step(1e-2);
  second.step(1e-2);
  for (size_t i = 0; i < params.ours.size(); ++i) EXPECT_TRUE(torch::equal(params.ours[i], params.theirs[i]));
  EXPECT_THROW(second.load_state({}, 1), Error);
}

TEST(AdamW, SeesANanAndSkipsParametersWithoutGradient) {
  auto params = make_params();
  AdamW ours(groups_of(params.ours), {});
  const auto before = params.ours[1].detach().clone();
  params.ours[0].mutable_grad() = torch::ones_like(params.ours[0]);
  ours.step(1e-2);
  EXPECT_TRUE(torch::equal(params.ours[1], before));
  EXPECT_FALSE(torch::equal(params.ours[0], params.theirs[0]));
  params.ours[0].mutable_grad()[5][5] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(ours.grad_norm()));
  ours.zero_grad();
  EXPECT_EQ(ours.grad_norm(), 0.0);
}

}  // namespace
}  // namespace fsfm
