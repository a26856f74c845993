// What pretraining starts from.
#pragma once

#include "train/pretrain/pretrain_recipe.h"
#include "train/starting_point.h"

namespace fsfm {

// Reads `recipe.init` and makes the recipe's network that of the file where nothing is stated (heads, epsilon of the
// norms). Without an init, and for a resumed run whose init is gone, nothing changes. Throws Error when the file's
// network has another width, depth or patch than --model.
StartingPoint adopt_initial_weights(PretrainRecipe& recipe);

}  // namespace fsfm
