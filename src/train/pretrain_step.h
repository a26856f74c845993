// One optimiser step of FSFM pretraining: forward, losses, backward, clipping, AdamW and the target's moving average.
#pragma once

#include <memory>
#include <span>

#include "data/loader.h"
#include "nn/fsfm_net.h"
#include "nn/losses.h"
#include "nn/precision.h"
#include "train/adamw.h"
#include "train/checkpoint.h"
#include "train/communicator.h"

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
  bool average_every_batch = false;  // compat: the target moves after every batch, not after every step
  bool checkpoint_blocks = false;    // gradient checkpointing: less memory, the same numbers
  bool zero_rep_positions = false;   // compat: rep decoder positions start (and stay) zero
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

  // `batches`: the micro-batches whose gradients are averaged into one step.
  PretrainLosses step(std::span<const Batch> batches, double lr, double momentum);

  FsfmOnline& online() { return online_; }
  FsfmTarget& target() { return target_; }
  torch::Device device() const { return device_; }
  const PretrainStepOptions& options() const { return options_; }
  // The target's weights from the online network's: after weights were loaded into it.
  void restart_target();

  void save(Checkpoint& checkpoint) const;
  void load(const Checkpoint& checkpoint);

 private:
  PretrainLosses accumulate(const Batch& batch, double share);

  PretrainStepOptions options_;
  torch::Device device_;
  Communicator& others_;
  FsfmOnline online_{nullptr};
  FsfmTarget target_{nullptr};
  std::unique_ptr<AdamW> optimizer_;
  double loss_scale_ = 1.0;  // fp16 only: doubled after kScalePatience good steps, halved after an overflow
  int64_t good_steps_ = 0;
};

}  // namespace fsfm
