// What the loader does for pretraining: picture -> normalised tensor, region map -> mask.
#pragma once

#include "data/loader.h"
#include "masking/masking.h"
#include "media/preprocess.h"

namespace fsfm {

struct PretrainBatchOptions {
  int side = 224;  // network input; other sizes are resized (Pillow's antialiased bicubic)
  int patch = 16;  // side must be a multiple
  Normalization normalization;
  MaskStrategy strategy = MaskStrategy::crfr_p;
  double ratio = 0.75;           // part of the patches that is hidden
  bool group_per_batch = false;  // compat: one covered region for the whole batch, as the authors' code draws it
  bool augment = false;  // random resized crop (area 0.2-1) and flip, of picture AND class map (off in the paper)
};

// Batches of [B,3,side,side] images and [B,P] masks, P = (side/patch)^2.
std::function<Batch()> make_pretrain_batch(const PretrainBatchOptions& options, int batch_size);

// The filler throws UnreadableSample for a picture that cannot be decoded, and for one without a region map unless the
// strategy is `random`. At 224/16 without augmentation the stored region bits are used and no class map is read.
FillSample make_pretrain_filler(const PretrainBatchOptions& options);

}  // namespace fsfm
