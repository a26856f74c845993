// A detector that learns: the network of one fine-tuning method, its optimiser and its step.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/loader.h"
#include "nn/adapter.h"
#include "nn/precision.h"
#include "nn/vit.h"
#include "tensorio/tensor.h"
#include "train/adamw.h"
#include "train/checkpoint.h"
#include "train/distributed/communicator.h"
#include "train/distributed/gradient_buckets.h"
#include "train/finetune/mixup.h"

namespace fsfm {

enum class FinetuneMethod { full, linear_probe, adapter };
FinetuneMethod parse_finetune_method(const std::string& name);  // full, linear-probe, adapter

struct DetectorOptions {
  VitConfig network;
  FinetuneMethod method = FinetuneMethod::full;
  MixupOptions mixup;
  bool adam = false;  // Adam with the same (coupled) decay on every parameter, instead of AdamW
  double weight_decay = 0.05, layer_decay = 0.65, clip = 0;
  double contrastive_weight = 0.01;  // adapter only
  std::vector<uint8_t> is_attack;    // model class -> 1 when attack
  double weight_ema = 0;             // 0 = off
  bool checkpoint_blocks = false;    // gradient checkpointing: less memory, the same numbers
  Precision precision = Precision::fp32;
  uint64_t seed = 0;
  std::string init_name;  // of the file that the first weights are from, for messages
};

struct DetectorLosses {
  double total = 0, grad_norm = 0;
  bool skipped = false;  // not finite on some rank: nothing was changed
};

// Thread-compatible. Every rank holds the same weights at all times.
class DetectorLearner {
 public:
  // Several processes equal one with the larger batch, but for what is drawn for a whole batch: mixup, CutMix, drop
  // path and dropout are drawn by each process for its own part.
  // `init`: weights to copy, or empty for fresh ones. A head of other classes is left out. `others` outlives the
  // learner.
  DetectorLearner(const DetectorOptions& options, const TensorMap& init, torch::Device device, Communicator& others);

  DetectorLosses step(std::span<const Batch> batches, double lr);
  // [B,3,S,S] normalised on the host -> [B,classes] on the host; from the averaged weights when there are any.
  torch::Tensor logits(const Batch& batch);

  // The network to keep (averaged when weight_ema > 0); aliases its memory.
  torch::nn::Module& network();
  void save(Checkpoint& checkpoint) const;
  void load(const Checkpoint& checkpoint);

 private:
  // The two kinds of network behind one face: exactly one is set.
  struct Network {
    Vit plain{nullptr};
    AdapterVit adapter{nullptr};
    torch::nn::Module& module() const {
      if (plain) return *plain.ptr();
      return *adapter.ptr();
    }
  };
  Network make_network() const;
  torch::Tensor loss_of(const Batch& batch);

  DetectorOptions options_;
  torch::Device device_;
  Communicator& others_;
  Network learning_, averaged_;
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<GradientBuckets> buckets_;
};

}  // namespace fsfm
