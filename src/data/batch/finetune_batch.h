// What the loader does for fine-tuning: picture -> augmented, normalised tensor and the model's label.
#pragma once

#include <optional>
#include <vector>

#include "data/augment/degrade.h"
#include "data/augment/rand_augment.h"
#include "data/augment/self_blend.h"
#include "data/loader.h"
#include "media/preprocess.h"

namespace fsfm {

struct FinetuneBatchOptions {
  int side = 224;
  Normalization normalization;
  double min_area = 0.08;  // smallest part a random crop keeps; 1 = whole pictures, resized
  bool flip = true;
  std::optional<RandAugmentOptions> rand_augment;  // none for anti-spoofing
  double erasing = 0.25;                           // chance of random erasing
  double saturation = 0;                           // HSV saturation is scaled by 1 +- this
  double tilt = 0;                                 // every second face is turned by up to this many degrees
  double tint = 0;                                 // every second face is lit in colours of this spread (scene.h)
  double degrade = 0;                              // chance of one to three degradations (data/augment/degrade.h)
  double degrade_most = 3;                         // their largest strength
  std::vector<Degradation> degrade_kinds = {all_degradations().begin(), all_degradations().end()};
  double self_blend = 0;         // chance that a genuine face becomes a self-blended fake
  int self_blend_label = -1;     // the model's class of such a fake
  std::vector<int> label_map;    // dataset label -> model class; empty = the same
  std::vector<uint8_t> genuine;  // dataset label -> 1 when genuine (needed for self_blend)
};

// Batches of [B,3,side,side] images and labels [B].
std::function<Batch()> make_finetune_batch(const FinetuneBatchOptions& options, int batch_size);
// The filler throws UnreadableSample for a picture that cannot be decoded, and for a genuine one without a parsing map
// when self-blending.
FillSample make_finetune_filler(const FinetuneBatchOptions& options);

}  // namespace fsfm
