#include "train/finetune/finetune_start.h"

#include <spdlog/fmt/fmt.h>

#include "base/error.h"
#include "base/file.h"
#include "model/vit_layout.h"

namespace fsfm {
namespace {

// What of the classifier a foreign file does not bring along.
void note_new_parts(const TensorMap& file, bool token, size_t classes, std::vector<std::string>& notes) {
  const std::string norm = token ? "norm" : "fc_norm";
  if (!file.contains(norm + ".weight"))
    notes.push_back(fmt::format("features: {} after a new '{}', which the file lacks",
                                token ? "the class token" : "the mean of the patch tokens", norm));
  const auto head = file.find("head.weight");
  if (head == file.end())
    notes.push_back(fmt::format("head: a new one for {} classes", classes));
  else if (!head->second.shape.empty() && head->second.shape[0] != static_cast<int64_t>(classes))
    notes.push_back(
        fmt::format("head: a new one for {} classes; the file's has {} outputs", classes, head->second.shape[0]));
}

}  // namespace

StartingPoint starting_point(const FinetuneRecipe& recipe, size_t classes) {
  StartingPoint start;
  if (recipe.init == "scratch") {
    start.network = VitConfig::named(recipe.model);
  } else {
    start.weights =
        import_weights(recipe.init, {.key = recipe.weights_key, .num_heads = recipe.num_heads, .with_head = false});
    start.notes = start.weights.notes;
    if (start.weights.has_card) {
      start.card = start.weights.card;
      start.pixels = Normalization{start.card->mean, start.card->std};
    } else if (const ForeignFacts& facts = start.weights.facts; facts.mean && facts.std) {
      start.pixels = Normalization{*facts.mean, *facts.std};
      start.notes.push_back("pixel mean and deviation: " + facts.normalization_source);
    } else if (recipe.normalization == "init") {
      start.notes.push_back(
          "pixel mean and deviation: nothing beside the weights states them, so ImageNet's are assumed; "
          "--normalization dataset measures those of the data");
    }
    try {
      const VitConfig layout = infer_vit_config(start.weights.tensors, start.weights.facts.config);
      start.network = layout;
      if (recipe.img_size > 0) note_positions(layout, recipe.img_size, layout.patch_size, /*fixed=*/false, start.notes);
      if (!start.card) note_new_parts(start.weights.tensors, recipe.global_pool == "token", classes, start.notes);
    } catch (const Error& error) {
      throw error.in(recipe.init);
    }
  }
  if (recipe.img_size > 0) start.network.img_size = recipe.img_size;
  start.network.num_classes = static_cast<int>(classes);
  start.network.global_pool = recipe.global_pool;
  start.network.adapter = recipe.method == "adapter";
  start.network.drop_path = recipe.drop_path;
  start.network.check();
  return start;
}

}  // namespace fsfm
