#include "train/starting_point.h"

#include <spdlog/fmt/fmt.h>

#include "base/error.h"
#include "base/file.h"
#include "engine/vit_layout.h"

namespace fsfm {
namespace {

void say_positions(const VitLayout& file, int img_size, int patch_size, bool fixed, std::vector<std::string>& notes) {
  const int from = file.img_size / file.patch_size, to = img_size / patch_size;
  if (from != to)
    notes.push_back(fmt::format("positions: resized from {0} x {0} to {1} x {1} (bicubic)", from, to));
  else if (fixed)
    notes.push_back("positions: those of the file, which pretraining keeps fixed like its own");
}

}  // namespace

StartingPoint starting_point(const FinetuneRecipe& recipe, size_t classes) {
  StartingPoint start;
  if (recipe.init == "scratch") {
    start.network = VitConfig::named(recipe.model);
  } else {
    start.weights = import_weights(recipe.init, {.key = recipe.weights_key,
                                                 .num_heads = recipe.num_heads,
                                                 .with_head = false});
    start.notes = start.weights.notes;
    if (start.weights.has_card) {
      start.card = start.weights.card;
      start.pixels = Normalization{start.card->mean, start.card->std};
    } else if (const ForeignFacts& facts = start.weights.facts; facts.mean && facts.std) {
      start.pixels = Normalization{*facts.mean, *facts.std};
      start.notes.push_back("pixel mean and deviation: " + facts.normalization_source);
    } else if (recipe.normalization == "init") {
      start.notes.push_back("pixel mean and deviation: nothing beside the weights states them, so ImageNet's are assumed; "
                            "--normalization dataset measures those of the data");
    }
    try {
      const VitLayout layout = infer_vit_layout(start.weights.tensors, start.weights.facts.config);
      start.network.img_size = layout.img_size;
      start.network.patch_size = layout.patch_size;
      start.network.embed_dim = layout.embed_dim;
      start.network.depth = layout.depth;
      start.network.num_heads = layout.num_heads;
      start.network.mlp_ratio = static_cast<double>(layout.mlp_hidden) / layout.embed_dim;
      start.network.layer_norm_eps = layout.layer_norm_eps;
      if (recipe.img_size > 0)
        say_positions(layout, recipe.img_size, layout.patch_size, /*fixed=*/false, start.notes);
    } catch (const Error& error) {
      throw Error(recipe.init + ": " + error.what());
    }
  }
  if (recipe.img_size > 0) start.network.img_size = recipe.img_size;
  start.network.num_classes = static_cast<int>(classes);
  start.network.global_pool = recipe.global_pool;
  start.network.drop_path = recipe.drop_path;
  start.network.check();
  return start;
}

StartingPoint adopt_initial_weights(PretrainRecipe& recipe) {
  StartingPoint start;
  if (recipe.init.empty() || (recipe.resume && !fs::exists(recipe.init))) return start;
  const std::string name = recipe.init.string();
  start.weights = import_weights(recipe.init, {.key = recipe.weights_key,
                                               .num_heads = recipe.num_heads,
                                               .with_head = false});
  start.notes = start.weights.notes;
  VitLayout layout;
  try {
    layout = infer_vit_layout(start.weights.tensors, start.weights.facts.config);
  } catch (const Error& error) {
    throw Error(name + ": " + error.what());
  }
  const VitConfig wanted = recipe.network().encoder;
  const int hidden = static_cast<int>(wanted.embed_dim * wanted.mlp_ratio);
  if (layout.embed_dim != wanted.embed_dim || layout.depth != wanted.depth || layout.patch_size != wanted.patch_size ||
      layout.mlp_hidden != hidden)
    throw Error(fmt::format("{} is a network of width {}, depth {}, patch {}, but --model {} has width {}, depth {}, "
                            "patch {}",
                            name, layout.embed_dim, layout.depth, layout.patch_size, recipe.model, wanted.embed_dim,
                            wanted.depth, wanted.patch_size),
                "choose the --model (and --patch-size) that the file was made with");
  recipe.num_heads = layout.num_heads;
  recipe.layer_norm_eps = layout.layer_norm_eps;
  say_positions(layout, recipe.img_size, wanted.patch_size, /*fixed=*/true, start.notes);
  return start;
}

}  // namespace fsfm
