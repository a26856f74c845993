// What the loader does for evaluation: picture -> the model's transform -> normalised tensor and label.
#pragma once

#include <functional>
#include <vector>

#include "data/loader.h"
#include "media/preprocess.h"

namespace fsfm {

struct EvalBatchOptions {
  Transform transform;  // of the model's card, e.g. "pillow-bicubic-256-crop-224"
  Normalization normalization;
  std::function<Image(const Image&, size_t index)> alter{};  // degrades each picture before the transform; may be empty
};

// Batches of [B,3,size,size] images, without masks.
std::function<Batch()> make_eval_batch(const EvalBatchOptions& options, int batch_size);
// Labels are the dataset's own; `label_map`, when not empty, translates them into a model's class order.
FillSample make_eval_filler(const EvalBatchOptions& options, std::vector<int> label_map = {});

}  // namespace fsfm
