#include "train/finetune/detector.h"

#include <cmath>

#include "base/error.h"
#include "train/distributed/gather.h"
#include "train/init_weights.h"

namespace fsfm {
namespace {

torch::Tensor input_of(const Batch& batch, torch::Device device) {
  return torch::from_blob(const_cast<float*>(batch.images.data()), {batch.size, 3, batch.side, batch.side}).to(device);
}

bool belongs_to_head(const std::string& name) { return name.starts_with("head.") || name.starts_with("fc_norm."); }

}  // namespace

FinetuneMethod parse_finetune_method(const std::string& name) {
  if (name == "full") return FinetuneMethod::full;
  if (name == "linear-probe") return FinetuneMethod::linear_probe;
  if (name == "adapter") return FinetuneMethod::adapter;
  throw Error("unknown method '" + name + "'", "use full, linear-probe or adapter");
}

DetectorLearner::Network DetectorLearner::make_network() const {
  Network network;
  if (options_.method == FinetuneMethod::adapter)
    network.adapter = AdapterVit(options_.network);
  else
    network.plain = Vit(options_.network);
  recompute_blocks(network.module(), options_.checkpoint_blocks);
  network.module().to(device_);
  return network;
}

DetectorLearner::DetectorLearner(const DetectorOptions& options, const TensorMap& init, torch::Device device,
                                 Communicator& others)
    : options_(options), device_(device), others_(others) {
  torch::manual_seed(options.seed);
  learning_ = make_network();
  torch::nn::Module& module = learning_.module();
  if (!init.empty()) {
    LoadOptions load;
    load.source = options.init_name;
    load.may_miss = {"head.", "fc_norm.", "norm.", "adapter.", "projector."};
    load.skip_misshaped = {"head."};  // a head of other classes
    load_initial_weights(module, init, load);
  }
  if (options.method == FinetuneMethod::linear_probe)
    for (auto& item : module.named_parameters()) item.value().set_requires_grad(belongs_to_head(item.key()));
  others_.broadcast(module.parameters());
  auto groups = layer_decay_groups(module, options.network.depth, options.weight_decay, options.layer_decay);
  if (options.adam)
    for (auto& group : groups) group.weight_decay = options.weight_decay;
  optimizer_ = std::make_unique<AdamW>(std::move(groups), AdamWOptions{.beta2 = 0.999, .coupled_decay = options.adam});
  buckets_ = std::make_unique<GradientBuckets>(optimizer_->parameters(), others);
  if (options.weight_ema <= 0) return;
  averaged_ = make_network();
  load_module_state(averaged_.module(), module_state(module));
  std::map<std::string, torch::Tensor> averages;
  const auto learning = module.named_parameters();
  for (const auto& item : averaged_.module().named_parameters())
    if (learning[item.key()].requires_grad()) averages.emplace(item.key(), item.value().detach());
  optimizer_->attach_averages(averages);
}

torch::nn::Module& DetectorLearner::network() {
  return options_.weight_ema > 0 ? averaged_.module() : learning_.module();
}

torch::Tensor DetectorLearner::loss_of(const Batch& batch) {
  // Drop path and dropout depend on the place in the run alone: a resumed run draws what it would have drawn, whatever
  // the number of processes.
  torch::manual_seed(batch.seed);
  auto images = input_of(batch, device_);
  if (options_.mixup.enabled() && device_.is_cpu())
    images = images.clone();  // mixed in place: the batch stays as it is
  const auto labels = torch::tensor(batch.labels, torch::kInt64).to(device_);
  const int classes = options_.network.num_classes;
  Rng rng(batch.seed, 7);
  const auto targets = mix_batch(images, labels, classes, options_.mixup, rng);
  PrecisionScope scope(options_.precision, device_);
  if (!learning_.adapter) return soft_cross_entropy(learning_.plain(images).to(torch::kFloat), targets);

  const AdapterOutput out = learning_.adapter->forward_adapter(images);
  auto loss = soft_cross_entropy(out.logits.to(torch::kFloat), targets);
  if (options_.contrastive_weight > 0) {
    // Attacks of every kind are negatives alike: label 1 = genuine.
    std::vector<int64_t> genuine;
    for (const int64_t label : batch.labels)
      genuine.push_back(options_.is_attack.at(static_cast<size_t>(label)) ? 0 : 1);
    const auto anchors = gather_rows(torch::tensor(genuine, torch::kInt64).to(device_), others_);
    const auto projected = gather_rows(out.projected.to(torch::kFloat), others_);
    loss = loss + real_anchor_contrastive_loss(projected, anchors, 1) * options_.contrastive_weight;
  }
  return loss;
}

DetectorLosses DetectorLearner::step(std::span<const Batch> batches, double lr) {
  optimizer_->zero_grad();
  learning_.module().train();
  const double share = 1.0 / static_cast<double>(batches.size());
  double total[] = {0};
  for (size_t i = 0; i < batches.size(); ++i) {
    if (i + 1 == batches.size()) buckets_->arm();
    const auto loss = loss_of(batches[i]);
    total[0] += share * loss.item<double>();
    // Also when it is not finite: the other ranks wait for these gradients, and the step will be skipped by all.
    (loss * share).backward();
  }
  buckets_->finish();
  others_.sum(total);
  DetectorLosses losses;
  losses.total = total[0] / others_.size();
  losses.grad_norm = optimizer_->grad_norm();
  losses.skipped = !std::isfinite(losses.total) || !std::isfinite(losses.grad_norm);
  if (!losses.skipped) optimizer_->step(lr, clip_factor(losses.grad_norm, options_.clip), options_.weight_ema);
  return losses;
}

torch::Tensor DetectorLearner::logits(const Batch& batch) {
  torch::NoGradGuard no_grad;
  Network& network = options_.weight_ema > 0 ? averaged_ : learning_;
  network.module().eval();
  PrecisionScope scope(options_.precision, device_);
  const auto images = input_of(batch, device_);
  const auto out = network.adapter ? network.adapter->forward(images) : network.plain(images);
  return out.to(torch::kFloat).to(torch::kCPU).contiguous();
}

void DetectorLearner::save(Checkpoint& checkpoint) const {
  checkpoint.put("network.", module_state(learning_.module()));
  if (options_.weight_ema > 0) checkpoint.put("averaged.", module_state(averaged_.module()));
  checkpoint.put("optimizer.", optimizer_->state());
  checkpoint.put("random.", random_state());
  checkpoint.state["optimizer_steps"] = optimizer_->steps();
}

void DetectorLearner::load(const Checkpoint& checkpoint) {
  load_module_state(learning_.module(), checkpoint.part("network."));
  if (options_.weight_ema > 0) load_module_state(averaged_.module(), checkpoint.part("averaged."));
  optimizer_->load_state(checkpoint.part("optimizer."), checkpoint.state.at("optimizer_steps"));
  load_random_state(checkpoint.part("random."));
}

}  // namespace fsfm
