// Mixup and CutMix of whole batches, as timm's "batch" mode does them: one draw a batch, partners in reverse order.
#pragma once

#include <torch/torch.h>

#include "base/rng.h"

namespace fsfm {

struct MixupOptions {
  double mixup_alpha = 0.8, cutmix_alpha = 1.0;  // of Beta(alpha, alpha); 0 = without that kind
  double label_smoothing = 0.1;
  bool enabled() const { return mixup_alpha > 0 || cutmix_alpha > 0; }
};

// labels [B] int64 -> soft targets [B,classes], smoothed.
torch::Tensor soft_targets(const torch::Tensor& labels, int classes, double smoothing);

// Mixes images [B,3,S,S] in place and returns the targets [B,classes] that go with them.
torch::Tensor mix_batch(torch::Tensor& images, const torch::Tensor& labels, int classes, const MixupOptions& options,
                        Rng& rng);

// Cross entropy against soft targets, mean over the batch.
torch::Tensor soft_cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets);

}  // namespace fsfm
