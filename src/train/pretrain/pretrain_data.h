// What a pretraining run learns from and is judged by: real faces, held-out videos, normalisation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/unreadable.h"
#include "media/preprocess.h"
#include "train/pretrain/pretrain_recipe.h"
#include "train/run_samples.h"

namespace fsfm {

struct PretrainData {
  std::shared_ptr<const Dataset> train, held_out;  // held_out may be null
  std::shared_ptr<const Dataset> examples;         // a few of held_out, for pictures; null like it
  std::shared_ptr<const Dataset> attacks;          // of the same folders, never learned from; may be null
  Normalization normalization;
  std::vector<std::string> remarks;  // what counts as real, and what was odd about the folders
};

// Held out are --val-data, else the val split, else whole videos drawn by the seed. Throws Error when there are no real
// faces. `samples` opens the folders. What cannot be read is noted in `unreadable`.
PretrainData open_pretrain_data(const PretrainRecipe& recipe, RunSamples& samples, UnreadableSamples& unreadable);

}  // namespace fsfm
