// What fine-tuning starts from.
#pragma once

#include "train/finetune/finetune_recipe.h"
#include "train/starting_point.h"

namespace fsfm {

// The network of `recipe.init` at the recipe's size and head. Throws Error (file, what stands in the way).
StartingPoint starting_point(const FinetuneRecipe& recipe, size_t classes);

}  // namespace fsfm
