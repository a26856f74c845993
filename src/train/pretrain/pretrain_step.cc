#include "train/pretrain/pretrain_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/distributed/gather.h"

namespace fsfm {
namespace {

constexpr double kFirstLossScale = 65536;
constexpr int64_t kScalePatience = 2000;

torch::Tensor images_of(const Batch& batch, torch::Device device) {
  // The batch outlives the copy: on the CPU the tensor is only a view of it.
  return torch::from_blob(const_cast<float*>(batch.images.data()), {batch.size, 3, batch.side, batch.side}).to(device);
}

}  // namespace

PretrainLearner::PretrainLearner(const PretrainStepOptions& options, torch::Device device, Communicator& others)
    : options_(options), device_(device), others_(others) {
  torch::manual_seed(options.seed);
  online_ = FsfmOnline(options.network);
  target_ = FsfmTarget(options.network);
  recompute_blocks(*online_, options.checkpoint_blocks);
  online_->to(device);
  target_->to(device);
  if (options.zero_rep_positions) {
    torch::NoGradGuard no_grad;
    online_->named_parameters()["rep_decoder_pos_embed"].zero_();
  }
  others_.broadcast(online_->parameters());
  copy_shared(online_, target_);
  optimizer_ =
      std::make_unique<AdamW>(decay_groups(*online_, options.weight_decay), AdamWOptions{.beta2 = options.beta2});
  buckets_ = std::make_unique<GradientBuckets>(optimizer_->parameters(), others);
  if (options.objective.similarity_weight > 0) {
    std::map<std::string, torch::Tensor> averages;
    const auto online = online_->named_parameters();
    // Frozen positions are equal from the start; everything that learns has its average moved inside the optimiser.
    for (const auto& item : target_->named_parameters())
      if (online[item.key()].requires_grad()) averages.emplace(item.key(), item.value());
    optimizer_->attach_averages(averages);
  }
  if (options.precision == Precision::fp16) loss_scale_ = kFirstLossScale;
}

void PretrainLearner::restart_target() { copy_shared(online_, target_); }

// L_region is a mean over all M_fr patches of the step. Batches and ranks hold different numbers of them, so each
// weighs its own mean by its count: the gradient is then that of one process with one large batch.
std::vector<double> PretrainLearner::region_scales(std::span<const Batch> batches) {
  std::vector<double> scales(batches.size(), 1.0);
  if (options_.objective.region_weight <= 0) return scales;
  double total[] = {0};
  for (size_t i = 0; i < batches.size(); ++i) {
    scales[i] = static_cast<double>(std::accumulate(batches[i].region.begin(), batches[i].region.end(), int64_t{0}));
    total[0] += scales[i];
  }
  others_.sum(total);
  const double parts = static_cast<double>(batches.size()) * others_.size();
  for (double& scale : scales) scale = total[0] > 0 ? scale * parts / total[0] : 0.0;
  if (options_.average_every_batch) std::fill(scales.begin(), scales.end(), 1.0);
  return scales;
}

PretrainLosses PretrainLearner::accumulate(const Batch& batch, double share, double region_scale) {
  const PretrainObjective& objective = options_.objective;
  const bool similarity = objective.similarity_weight > 0;
  const int patches = options_.network.encoder.patches(), patch = options_.network.encoder.patch_size;
  const auto mask = MaskIndices::from_masks(batch.masked, batch.region, batch.size, patches).to(device_);
  const auto images = images_of(batch, device_);  // [B,3,S,S]

  PretrainLosses values;
  torch::Tensor total;
  {
    PrecisionScope scope(options_.precision, device_);
    const OnlineOutput out = online_->forward(images, mask, similarity);
    const auto rec = reconstruction_loss(out.pred.to(torch::kFloat), images, mask, patch, objective.norm_pix);
    total = rec.masked;
    values.masked = rec.masked.item<double>();
    values.region = rec.region.item<double>() * region_scale;
    if (objective.region_weight > 0) total = total + rec.region * (objective.region_weight * region_scale);
    if (similarity) {
      auto feature = out.feature.to(torch::kFloat), seen_whole = target_->forward(images).to(torch::kFloat);  // [B,P]
      if (compares_faces(objective.similarity)) {
        feature = gather_rows(feature, others_);
        seen_whole = gather_rows(seen_whole, others_);
      }
      const auto loss = similarity_loss(objective.similarity, feature, seen_whole);
      total = total + loss * objective.similarity_weight;
      values.similarity = loss.item<double>();
    }
  }
  values.total = total.item<double>();
  // Also when it is not finite: the other ranks wait for these gradients, and the step will be skipped by all.
  (total * (share * loss_scale_)).backward();
  return values;
}

PretrainLosses PretrainLearner::step(std::span<const Batch> batches, double lr, std::span<const double> momenta) {
  optimizer_->zero_grad();
  online_->train();
  target_->train();
  const double share = 1.0 / static_cast<double>(batches.size()), momentum = momenta.back();
  const std::vector<double> scales = region_scales(batches);
  PretrainLosses sum;
  for (size_t i = 0; i < batches.size(); ++i) {
    const bool last = i + 1 == batches.size();
    if (last) buckets_->arm();
    const PretrainLosses losses = accumulate(batches[i], share, scales[i]);
    sum.total += share * losses.total;
    sum.masked += share * losses.masked;
    sum.region += share * losses.region;
    sum.similarity += share * losses.similarity;
    // After the last batch the target moves behind the optimiser, with the new weights.
    if (options_.average_every_batch && !last && options_.objective.similarity_weight > 0)
      ema_update(online_, target_, momenta[i]);
  }
  buckets_->finish();
  double values[] = {sum.total, sum.masked, sum.region, sum.similarity};
  others_.sum(values);
  for (double& value : values) value /= others_.size();
  sum = {values[0], values[1], values[2], values[3]};
  sum.grad_norm = optimizer_->grad_norm() / loss_scale_;
  // Sums and averaged gradients are the same everywhere: all ranks skip a step together.
  const bool broken = !std::isfinite(sum.total) || !std::isfinite(sum.grad_norm);
  if (options_.precision == Precision::fp16) {
    good_steps_ = broken ? 0 : good_steps_ + 1;
    const double used = loss_scale_;
    if (broken)
      loss_scale_ = std::max(1.0, loss_scale_ / 2);
    else if (good_steps_ % kScalePatience == 0)
      loss_scale_ *= 2;
    if (!broken) optimizer_->step(lr, clip_factor(sum.grad_norm, options_.clip) / used, momentum);
  } else if (!broken) {
    optimizer_->step(lr, clip_factor(sum.grad_norm, options_.clip), momentum);
  }
  sum.skipped = broken;
  return sum;
}

void PretrainLearner::save(Checkpoint& checkpoint) const {
  checkpoint.put("online.", module_state(*online_));
  checkpoint.put("target.", module_state(*target_));
  checkpoint.put("optimizer.", optimizer_->state());
  checkpoint.put("random.", random_state());
  checkpoint.state["optimizer_steps"] = optimizer_->steps();
  checkpoint.state["loss_scale"] = loss_scale_;
  checkpoint.state["good_steps"] = good_steps_;
}

void PretrainLearner::load(const Checkpoint& checkpoint) {
  load_module_state(*online_, checkpoint.part("online."));
  load_module_state(*target_, checkpoint.part("target."));
  optimizer_->load_state(checkpoint.part("optimizer."), checkpoint.state.at("optimizer_steps"));
  load_random_state(checkpoint.part("random."));
  loss_scale_ = checkpoint.state.at("loss_scale");
  good_steps_ = checkpoint.state.at("good_steps");
}

}  // namespace fsfm
