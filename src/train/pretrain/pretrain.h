// FSFM pretraining from a recipe to a model file: data, steps, held-out evaluation, checkpoints, log, pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "train/distributed/communicator.h"
#include "train/pretrain/pretrain_eval.h"
#include "train/pretrain/pretrain_recipe.h"

namespace fsfm {

struct PretrainResult {
  int64_t steps = 0, skipped = 0;
  double first_loss = 0, last_loss = 0;          // training loss, means over the first and the last log period
  std::optional<ReconstructionReport> held_out;  // nullopt without held-out faces
  size_t unreadable = 0;                         // pictures to learn from that were left out
  bool interrupted = false;                      // stopped by a signal: a checkpoint was saved, no model file
  std::filesystem::path model, run_folder;
};

// `recipe_text` is the recipe as TOML (kept beside the results). `visible` draws progress on stderr. Throws Error for
// everything that the user can put right: data, sizes, a loss that stays not finite, a full disk.
// The same recipe gives bit-equal losses on a CPU with one thread, however often the run was killed and resumed.
PretrainResult pretrain(const PretrainRecipe& recipe, const std::string& recipe_text, bool visible,
                        Communicator& others);

}  // namespace fsfm
