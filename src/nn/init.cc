#include "nn/init.h"

#include <numbers>

namespace fsfm::init {
namespace {

template <class InitWeight>
void layers(torch::nn::Module& module, InitWeight init_weight) {
  torch::NoGradGuard no_grad;
  for (const auto& child : module.modules(/*include_self=*/false)) {
    if (auto* linear = child->as<torch::nn::Linear>()) {
      init_weight(linear->weight);
      if (linear->bias.defined()) linear->bias.zero_();
    } else if (auto* norm = child->as<torch::nn::LayerNorm>()) {
      norm->weight.fill_(1.0);
      norm->bias.zero_();
    }
  }
}

}  // namespace

void trunc_normal_(torch::Tensor tensor, double std) {
  torch::NoGradGuard no_grad;
  // Inverse of the distribution function between the two cuts; erfinv may reach infinity at the ends, hence the clamp.
  const double edge = std::erf(2.0 / std / std::numbers::sqrt2);
  tensor.uniform_(-edge, edge).erfinv_().mul_(std * std::numbers::sqrt2).clamp_(-2.0, 2.0);
}

void mae_layers_(torch::nn::Module& module) {
  layers(module, [](torch::Tensor& weight) { torch::nn::init::xavier_uniform_(weight); });
}

void mae_patch_embed_(torch::nn::Conv2d& proj) {
  torch::NoGradGuard no_grad;
  torch::nn::init::xavier_uniform_(proj->weight.view({proj->weight.size(0), -1}));
  if (proj->bias.defined()) proj->bias.zero_();
}

void timm_layers_(torch::nn::Module& module) {
  layers(module, [](torch::Tensor& weight) { trunc_normal_(weight); });
}

}  // namespace fsfm::init
