// What training starts from: the network that a weight file belongs to, and what is known of its input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint.h"
#include "media/preprocess.h"
#include "nn/vit.h"
#include "train/finetune_recipe.h"
#include "train/pretrain_recipe.h"

namespace fsfm {

struct StartingPoint {
  VitConfig network;
  Weights weights;                         // no tensors: from scratch
  std::optional<ModelCard> card;           // of a model file of ours
  std::optional<Normalization> pixels;     // what the weights were trained with, where that is known
  std::vector<std::string> notes;          // for people, one sentence each: what was assumed, resized, left out
};

// The network of `recipe.init` at the recipe's size and head. Throws Error (file, what stands in the way).
StartingPoint starting_point(const FinetuneRecipe& recipe, size_t classes);

// Reads `recipe.init` and makes the recipe's network that of the file where nothing is stated (heads, epsilon of the
// norms). Without an init, and for a resumed run whose init is gone, nothing changes. Throws Error when the file's
// network has another width, depth or patch than --model.
StartingPoint adopt_initial_weights(PretrainRecipe& recipe);

}  // namespace fsfm
