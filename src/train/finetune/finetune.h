// Fine-tuning from a recipe to a detector's model file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/distributed/communicator.h"
#include "train/finetune/finetune_recipe.h"
#include "train/finetune/validation.h"

namespace fsfm {

struct FinetuneResult {
  int64_t steps = 0, skipped = 0, best_step = 0;
  std::vector<std::string> classes, attack_classes;
  ValidationReport validation;  // of the kept weights: the lowest validation loss
  std::optional<FittedPoint> fitted;
  size_t unreadable = 0;     // pictures to learn from that were left out
  bool interrupted = false;  // stopped by a signal: a checkpoint was saved, no model file
  std::filesystem::path model, run_folder;
};

// `recipe` is resolved here. The best checkpoint is chosen by validation loss alone. Throws Error for everything that
// the user can put right.
FinetuneResult finetune(FinetuneRecipe recipe, const std::string& recipe_text, bool visible, Communicator& others);

}  // namespace fsfm
