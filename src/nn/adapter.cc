#include "nn/adapter.h"

#include "base/error.h"
#include "nn/init.h"
#include "nn/ops.h"

namespace fsfm {

AdapterImpl::AdapterImpl(int dim, int reduction) {
  linear1 = register_module("linear1", torch::nn::Linear(torch::nn::LinearOptions(dim, dim / reduction).bias(false)));
  linear2 = register_module("linear2", torch::nn::Linear(torch::nn::LinearOptions(dim / reduction, dim).bias(false)));
}

torch::Tensor AdapterImpl::squeeze(const torch::Tensor& x) { return torch::relu(ops::linear(x, linear1)); }
torch::Tensor AdapterImpl::expand(const torch::Tensor& squeezed) { return torch::relu(ops::linear(squeezed, linear2)); }

AdapterVitImpl::AdapterVitImpl(const VitConfig& config) : VitImpl(config, 2 * config.embed_dim) {
  if (config.global_pool == "fas" || config.num_classes == 0) {
    throw Error("an FS-Adapter needs a linear head", "choose global_pool avg or token and at least one class");
  }
  for (auto& parameter : parameters()) parameter.set_requires_grad(false);
  for (auto& parameter : head_->parameters()) parameter.set_requires_grad(true);
  const int squeezed = config.embed_dim / kAdapterReduction;
  adapter_ = register_module("adapter", Adapter(config.embed_dim));
  projector_ = register_module("projector", torch::nn::Linear(squeezed, squeezed));
}

AdapterOutput AdapterVitImpl::forward_adapter(const torch::Tensor& images) {
  torch::Tensor x;  // [B,D]
  {
    torch::NoGradGuard frozen;
    x = forward_features(images);
  }
  const auto squeezed = adapter_->squeeze(x);
  const auto joined = torch::cat({x, adapter_->expand(squeezed).to(torch::kFloat)}, 1);  // [B,2D]
  const auto projected = ops::linear(squeezed, projector_).to(torch::kFloat);
  return {ops::linear(joined, head_).to(torch::kFloat), torch::nn::functional::normalize(projected)};
}

torch::Tensor AdapterVitImpl::forward(const torch::Tensor& images) { return forward_adapter(images).logits; }

torch::Tensor real_anchor_contrastive_loss(const torch::Tensor& projected, const torch::Tensor& labels,
                                           int64_t real_label, double temperature) {
  const auto similarity = torch::mm(projected, projected.t()) / temperature;  // [B,B]
  const auto logits = similarity - std::get<0>(similarity.max(1, /*keepdim=*/true)).detach();
  const auto others = 1.0 - torch::eye(projected.size(0), projected.options());
  const auto real = labels.eq(real_label).to(projected.scalar_type());  // [B]
  const auto positives = torch::outer(real, real) * others;
  // 1e-6 as in the reference: the row maximum is the anchor itself, so the sum of the others may be tiny.
  const auto log_probability = logits - (logits.exp() * others).sum(1, /*keepdim=*/true).add(1e-6).log();
  // Fakes have no positives and count as zero; the mean is over the whole batch.
  return -((log_probability * positives).sum(1) / positives.sum(1).clamp_min(1.0)).mean();
}

}  // namespace fsfm
