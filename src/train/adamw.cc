#include "train/adamw.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/adamw.h"

namespace fsfm {
namespace {

// Small enough to balance two threads over unequal parameters, large enough that the scheduling does not show.
constexpr int64_t kChunk = 1 << 16;

}  // namespace

AdamW::AdamW(std::vector<ParamGroup> groups, AdamWOptions options) : options_(options), groups_(std::move(groups)) {
  torch::NoGradGuard no_grad;
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.params.size(); ++i) {
      const torch::Tensor& param = group.params[i];
      if (param.scalar_type() != torch::kFloat32 || !param.is_contiguous())
        throw InternalError("AdamW: parameter " + group.names[i] + " is not contiguous float32");
      on_cpu_ = on_cpu_ && param.is_cpu();
      slots_.push_back({group.names[i],
                        param,
                        torch::zeros_like(param),
                        torch::zeros_like(param),
                        {},
                        group.lr_scale,
                        group.weight_decay});
    }
  }
  for (size_t s = 0; s < slots_.size(); ++s)
    for (int64_t begin = 0, n = slots_[s].param.numel(); begin < n; begin += kChunk)
      chunks_.push_back({s, begin, std::min(n, begin + kChunk)});
}

void AdamW::attach_averages(const std::map<std::string, torch::Tensor>& averages) {
  size_t found = 0;
  for (auto& slot : slots_) {
    const auto average = averages.find(slot.name);
    if (average == averages.end()) continue;
    if (average->second.sizes() != slot.param.sizes() || !average->second.is_contiguous())
      throw InternalError("AdamW: the average of " + slot.name + " has another shape");
    slot.average = average->second;
    ++found;
  }
  if (found != averages.size())
    throw InternalError("AdamW: an average names a parameter that the optimiser does not have");
  has_averages_ = found > 0;
}

// A gradient may be laid out otherwise than its parameter (a transposed view): the sweeps want them dense.
std::vector<torch::Tensor> AdamW::dense_grads() const {
  std::vector<torch::Tensor> grads;
  for (const auto& slot : slots_)
    grads.push_back(slot.param.grad().defined() ? slot.param.grad().contiguous() : torch::Tensor());
  return grads;
}

double AdamW::grad_norm() const {
  torch::NoGradGuard no_grad;
  if (!on_cpu_) {
    std::vector<torch::Tensor> norms;
    for (const auto& slot : slots_)
      if (slot.param.grad().defined()) norms.push_back(slot.param.grad().norm());
    return norms.empty() ? 0.0 : torch::stack(norms).norm().item<double>();
  }
  const std::vector<torch::Tensor> grads = dense_grads();
  std::vector<double> sums(chunks_.size(), 0.0);
  at::parallel_for(0, static_cast<int64_t>(chunks_.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      const Chunk& chunk = chunks_[c];
      if (grads[chunk.slot].defined())
        sums[c] = kernels::squared_sum(grads[chunk.slot].data_ptr<float>() + chunk.begin, chunk.end - chunk.begin);
    }
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return std::sqrt(total);
}

void AdamW::step(double lr, double grad_scale, std::optional<double> momentum) {
  if (has_averages_ && !momentum) throw InternalError("AdamW: averages are attached but no momentum was given");
  torch::NoGradGuard no_grad;
  ++steps_;
  if (on_cpu_)
    step_cpu(lr, grad_scale, momentum.value_or(1.0));
  else
    step_device(lr, grad_scale, momentum.value_or(1.0));
}

void AdamW::step_cpu(double lr, double grad_scale, double momentum) {
  const double correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  const std::vector<torch::Tensor> grads = dense_grads();
  at::parallel_for(0, static_cast<int64_t>(chunks_.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t c = first; c < last; ++c) {
      const Chunk& chunk = chunks_[c];
      const Slot& slot = slots_[chunk.slot];
      const int64_t n = chunk.end - chunk.begin;
      float* param = slot.param.data_ptr<float>() + chunk.begin;
      const double rate = lr * slot.lr_scale;
      const double coupled = options_.coupled_decay ? slot.weight_decay : 0.0;
      const double keep = options_.coupled_decay ? 1.0 : 1.0 - rate * slot.weight_decay;
      if (grads[chunk.slot].defined()) {
        const kernels::AdamWConstants constants{static_cast<float>(grad_scale),
                                                static_cast<float>(coupled),
                                                static_cast<float>(keep),
                                                static_cast<float>(options_.beta1),
                                                static_cast<float>(1.0 - options_.beta1),
                                                static_cast<float>(options_.beta2),
                                                static_cast<float>(1.0 - options_.beta2),
                                                static_cast<float>(rate / correction1),
                                                static_cast<float>(1.0 / std::sqrt(correction2)),
                                                static_cast<float>(options_.eps)};
        kernels::adamw(param, grads[chunk.slot].data_ptr<float>() + chunk.begin,
                       slot.exp_avg.data_ptr<float>() + chunk.begin, slot.exp_avg_sq.data_ptr<float>() + chunk.begin, n,
                       constants);
      }
      if (slot.average.defined())
        kernels::move_average(slot.average.data_ptr<float>() + chunk.begin, param, n, static_cast<float>(momentum),
                              static_cast<float>(1.0 - momentum));
    }
  });
}

void AdamW::step_device(double lr, double grad_scale, double momentum) {
  const double correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  std::vector<torch::Tensor> averages, averaged;
  for (size_t first = 0; first < slots_.size();) {
    // Neighbours with the same constants (a group) go through one multi-tensor launch.
    size_t last = first;
    std::vector<torch::Tensor> params, grads, m, v;
    for (; last < slots_.size() && slots_[last].lr_scale == slots_[first].lr_scale &&
           slots_[last].weight_decay == slots_[first].weight_decay;
         ++last) {
      const Slot& slot = slots_[last];
      if (slot.average.defined()) averages.push_back(slot.average), averaged.push_back(slot.param);
      if (!slot.param.grad().defined()) continue;
      params.push_back(slot.param);
      grads.push_back(slot.param.grad());
      m.push_back(slot.exp_avg);
      v.push_back(slot.exp_avg_sq);
    }
    const double rate = lr * slots_[first].lr_scale, decay = slots_[first].weight_decay;
    first = last;
    if (params.empty()) continue;
    if (grad_scale != 1.0) at::_foreach_mul_(grads, grad_scale);
    if (options_.coupled_decay)
      at::_foreach_add_(grads, params, decay);
    else
      at::_foreach_mul_(params, 1.0 - rate * decay);
    at::_foreach_mul_(m, options_.beta1);
    at::_foreach_add_(m, grads, 1.0 - options_.beta1);
    at::_foreach_mul_(v, options_.beta2);
    at::_foreach_addcmul_(v, grads, grads, 1.0 - options_.beta2);
    auto denominator = at::_foreach_sqrt(v);
    at::_foreach_mul_(denominator, 1.0 / std::sqrt(correction2));
    at::_foreach_add_(denominator, options_.eps);
    at::_foreach_addcdiv_(params, m, denominator, -rate / correction1);
  }
  if (averages.empty()) return;
  at::_foreach_mul_(averages, momentum);
  at::_foreach_add_(averages, averaged, 1.0 - momentum);
}

void AdamW::zero_grad() {
  for (auto& slot : slots_)
    if (slot.param.grad().defined()) slot.param.mutable_grad().reset();
}

std::vector<torch::Tensor> AdamW::parameters() const {
  std::vector<torch::Tensor> parameters;
  for (const auto& slot : slots_) parameters.push_back(slot.param);
  return parameters;
}

std::map<std::string, torch::Tensor> AdamW::state() const {
  std::map<std::string, torch::Tensor> state;
  for (const auto& slot : slots_) {
    state.emplace("exp_avg." + slot.name, slot.exp_avg);
    state.emplace("exp_avg_sq." + slot.name, slot.exp_avg_sq);
  }
  return state;
}

void AdamW::load_state(const std::map<std::string, torch::Tensor>& state, int64_t steps) {
  torch::NoGradGuard no_grad;
  for (auto& [name, own] : this->state()) {
    const auto saved = state.find(name);
    if (saved == state.end() || saved->second.sizes() != own.sizes())
      throw Error("the optimiser state has no fitting '" + name + "'",
                  "resume with the recipe the checkpoint was made with");
    own.copy_(saved->second);
  }
  steps_ = steps;
}

double clip_factor(double norm, double max_norm) {
  return max_norm > 0 ? std::min(1.0, max_norm / (norm + 1e-6)) : 1.0;
}

}  // namespace fsfm
