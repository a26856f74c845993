#include "nn/fas_head.h"

#include <numbers>

#include "nn/ops.h"

namespace fsfm {

FasHeadImpl::FasHeadImpl(int dim, int classes) {
  bottleneck = register_module("bottleneck", torch::nn::Linear(dim, kFasBottleneck));
  classifier = register_module("classifier", torch::nn::Linear(kFasBottleneck, classes));
  torch::NoGradGuard no_grad;
  bottleneck->weight.normal_(0.0, 0.005);
  bottleneck->bias.fill_(0.1);
  classifier->weight.normal_(0.0, 0.01);
  classifier->bias.zero_();
}

torch::Tensor FasHeadImpl::features(const torch::Tensor& tokens) {
  auto x = torch::relu(ops::linear(tokens, bottleneck)).to(torch::kFloat);  // [B,1+L,512]
  x = torch::dropout(x, 0.5, is_training());
  // The clamp keeps a channel that is dead in every token at zero instead of NaN.
  const auto norm = x.norm(2, {1}, /*keepdim=*/true).clamp_min(1e-12);
  return x / (norm.sqrt() * std::numbers::sqrt2);
}

torch::Tensor FasHeadImpl::classify(const torch::Tensor& features) {
  const auto weight = classifier->weight / classifier->weight.norm(2, {0}, /*keepdim=*/true).clamp_min(1e-12);
  return torch::nn::functional::linear(features, weight, classifier->bias);
}

torch::Tensor FasHeadImpl::forward(const torch::Tensor& tokens) { return classify(features(tokens).select(1, 0)); }

}  // namespace fsfm
