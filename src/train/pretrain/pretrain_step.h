// One optimiser step of FSFM pretraining: forward, losses, backward, clipping, AdamW and the target's moving average.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/loader.h"
#include "nn/fsfm_net.h"
#include "nn/losses.h"
#include "nn/precision.h"
#include "train/adamw.h"
#include "train/checkpoint.h"
#include "train/distributed/communicator.h"
#include "train/distributed/gradient_buckets.h"

namespace fsfm {

struct PretrainObjective {
  bool norm_pix = true;
  double region_weight = 0.007;    // 0 = without L_region
  double similarity_weight = 0.1;  // 0 = without L_sim: neither the rep decoder nor the target network is run
  SimilarityLoss similarity = SimilarityLoss::simsiam;
};

struct PretrainStepOptions {
  FsfmConfig network;
  PretrainObjective objective;
  double weight_decay = 0.05, beta2 = 0.95, clip = 1.0;
  Precision precision = Precision::fp32;
  // compat: the target moves after every batch of a step, not once a step, and L_region is the mean of the batches'
  // own means instead of the mean over all M_fr patches of the step.
  bool average_every_batch = false;
  bool checkpoint_blocks = false;   // gradient checkpointing: less memory, the same numbers
  bool zero_rep_positions = false;  // compat: rep decoder positions start (and stay) zero
  uint64_t seed = 0;
};

// Means over the batches of a step and over the ranks.
struct PretrainLosses {
  double total = 0, masked = 0, region = 0, similarity = 0;
  double grad_norm = 0;  // before clipping
  bool skipped = false;  // a loss or gradient was not finite on some rank: nothing was changed
};

// Owns both networks and the optimiser. Thread-compatible. Every rank holds the same weights at all times.
class PretrainLearner {
 public:
  // `others` outlives the learner.
  PretrainLearner(const PretrainStepOptions& options, torch::Device device, Communicator& others);

  // `batches`: the micro-batches whose gradients are averaged into one step. `momenta`: of the moving average, one for
  // each batch; only average_every_batch looks at others than the last.
  PretrainLosses step(std::span<const Batch> batches, double lr, std::span<const double> momenta);
  PretrainLosses step(std::span<const Batch> batches, double lr, double momentum) {
    return step(batches, lr, std::vector<double>(batches.size(), momentum));
  }

  FsfmOnline& online() { return online_; }
  FsfmTarget& target() { return target_; }
  torch::Device device() const { return device_; }
  const PretrainStepOptions& options() const { return options_; }
  // The target's weights from the online network's: after weights were loaded into it.
  void restart_target();

  void save(Checkpoint& checkpoint) const;
  void load(const Checkpoint& checkpoint);

 private:
  // Adds share * gradients; `region_scale` turns the batch's mean of L_region into its part of the step's.
  PretrainLosses accumulate(const Batch& batch, double share, double region_scale);
  std::vector<double> region_scales(std::span<const Batch> batches);

  PretrainStepOptions options_;
  torch::Device device_;
  Communicator& others_;
  FsfmOnline online_{nullptr};
  FsfmTarget target_{nullptr};
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<GradientBuckets> buckets_;
  double loss_scale_ = 1.0;  // fp16 only: doubled after kScalePatience good steps, halved after an overflow
  int64_t good_steps_ = 0;
};

}  // namespace fsfm
