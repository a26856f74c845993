#include "train/distributed/gradient_buckets.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "base/error.h"

namespace fsfm {

// Runs when the accumulator of a parameter has added the last contribution of a backward.
struct GradientBuckets::Hook : torch::autograd::FunctionPostHook {
  Hook(GradientBuckets* owner, size_t index) : buckets(owner), parameter(index) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    buckets->on_ready(parameter);
    return outputs;
  }
  GradientBuckets* buckets;
  size_t parameter;
};

GradientBuckets::GradientBuckets(std::vector<torch::Tensor> parameters, Communicator& others, int64_t bucket_elements)
    : parameters_(std::move(parameters)), others_(others), bucket_elements_(bucket_elements) {
  if (others_.size() == 1) return;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].requires_grad()) throw InternalError("GradientBuckets: a frozen parameter");
    auto& accumulator = accumulators_.emplace_back(torch::autograd::impl::grad_accumulator(parameters_[i]));
    hook_keys_.push_back(accumulator->add_post_hook(std::make_unique<Hook>(this, i)));
  }
}

GradientBuckets::~GradientBuckets() {
  for (size_t i = 0; i < accumulators_.size(); ++i) accumulators_[i]->del_post_hook(hook_keys_[i]);
}

void GradientBuckets::arm() {
  armed_ = true;
  next_ = 0;
  order_.clear();
  for (auto& bucket : buckets_) bucket.ready = 0;
}

void GradientBuckets::on_ready(size_t parameter) {
  if (!armed_) return;
  if (!planned_) {
    order_.push_back(parameter);
    return;
  }
  if (bucket_of_[parameter] == buckets_.size())
    throw InternalError("a parameter without a gradient so far has one now");
  ++buckets_[bucket_of_[parameter]].ready;
  while (next_ < buckets_.size() && buckets_[next_].ready == buckets_[next_].members.size()) set_out(buckets_[next_++]);
}

void GradientBuckets::set_out(Bucket& bucket) {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> rows;
  for (const size_t i : bucket.members) {
    torch::Tensor& grad = parameters_[i].mutable_grad();
    if (!grad.defined()) grad = torch::zeros_like(parameters_[i]);
    rows.push_back(grad.reshape({-1}));
  }
  bucket.flat = torch::cat(rows);
  bucket.wait = others_.begin_sum(bucket.flat);
}

void GradientBuckets::plan() {
  // Rank 0's order, padded with -1 where a parameter has no gradient.
  auto order = torch::full({static_cast<int64_t>(parameters_.size())}, -1, torch::kInt64);
  for (size_t i = 0; i < order_.size(); ++i) order[static_cast<int64_t>(i)] = static_cast<int64_t>(order_[i]);
  others_.broadcast({order});
  int64_t elements = 0;
  bucket_of_.clear();
  for (const int64_t index : std::span(order.data_ptr<int64_t>(), parameters_.size())) {
    if (index < 0) break;
    const auto parameter = static_cast<size_t>(index);
    const int64_t size = parameters_.at(parameter).numel();
    if (buckets_.empty() || elements + size > bucket_elements_) {
      buckets_.emplace_back();
      elements = 0;
    }
    buckets_.back().members.push_back(parameter);
    elements += size;
  }
  bucket_of_.assign(parameters_.size(), buckets_.size());
  for (size_t b = 0; b < buckets_.size(); ++b)
    for (const size_t parameter : buckets_[b].members) bucket_of_[parameter] = b;
  planned_ = true;
}

void GradientBuckets::finish() {
  if (others_.size() == 1) return;
  torch::NoGradGuard no_grad;
  armed_ = false;
  if (!planned_) plan();
  while (next_ < buckets_.size()) set_out(buckets_[next_++]);
  for (auto& bucket : buckets_) {
    bucket.wait();
    bucket.flat.div_(others_.size());
    int64_t at = 0;
    for (const size_t i : bucket.members) {
      torch::Tensor& grad = parameters_[i].mutable_grad();
      grad.copy_(bucket.flat.narrow(0, at, grad.numel()).view(grad.sizes()));
      at += grad.numel();
    }
    bucket.flat.reset();
    bucket.wait = nullptr;
  }
}

}  // namespace fsfm
