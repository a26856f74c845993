#include "train/pretrain/pretrain_start.h"

#include <spdlog/fmt/fmt.h>

#include "base/error.h"
#include "base/file.h"
#include "model/vit_layout.h"

namespace fsfm {

StartingPoint adopt_initial_weights(PretrainRecipe& recipe) {
  StartingPoint start;
  if (recipe.init.empty() || (recipe.resume && !fs::exists(recipe.init))) return start;
  const std::string name = recipe.init.string();
  start.weights =
      import_weights(recipe.init, {.key = recipe.weights_key, .num_heads = recipe.num_heads, .with_head = false});
  start.notes = start.weights.notes;
  VitConfig layout;
  try {
    layout = infer_vit_config(start.weights.tensors, start.weights.facts.config);
  } catch (const Error& error) {
    throw error.in(name);
  }
  const VitConfig wanted = recipe.network().encoder;
  if (layout.embed_dim != wanted.embed_dim || layout.depth != wanted.depth || layout.patch_size != wanted.patch_size ||
      layout.mlp_hidden() != wanted.mlp_hidden())
    throw Error(fmt::format("{} is a network of width {}, depth {}, patch {}, but --model {} has width {}, depth {}, "
                            "patch {}",
                            name, layout.embed_dim, layout.depth, layout.patch_size, recipe.model, wanted.embed_dim,
                            wanted.depth, wanted.patch_size),
                "choose the --model (and --patch-size) that the file was made with");
  recipe.num_heads = layout.num_heads;
  recipe.layer_norm_eps = layout.layer_norm_eps;
  note_positions(layout, recipe.img_size, wanted.patch_size, /*fixed=*/true, start.notes);
  return start;
}

}  // namespace fsfm
