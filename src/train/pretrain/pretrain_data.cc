#include "train/pretrain/pretrain_data.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "data/statistics.h"
#include "train/data_split.h"

namespace fsfm {
namespace {

constexpr size_t kPictureFaces = 6;
constexpr size_t kNormalizationSamples = 4000;

// The samples whose class is genuine, or is an attack.
std::vector<size_t> indices_of_kind(const Dataset& dataset, bool attack) {
  const auto& attacks = dataset.info().attack_classes;
  std::vector<size_t> kept;
  for (size_t i = 0; i < dataset.samples().size(); ++i) {
    const std::string& name = dataset.info().classes[static_cast<size_t>(dataset.samples()[i].label)];
    if ((std::find(attacks.begin(), attacks.end(), name) != attacks.end()) == attack) kept.push_back(i);
  }
  return kept;
}

// Real faces only, unless the recipe wants all classes.
std::shared_ptr<const Dataset> genuine_only(std::shared_ptr<const Dataset> dataset, const PretrainRecipe& recipe) {
  if (recipe.all_classes || dataset->info().attack_classes.empty()) return dataset;
  auto kept = indices_of_kind(*dataset, /*attack=*/false);
  if (kept.empty())
    throw Error(dataset->info().name + " has no real faces",
                "give real faces, or --all-classes to learn from what there is");
  return subset(std::move(dataset), std::move(kept));
}

// Faces that nobody has labelled are real by the user's choice of --data; what is learned from is said.
std::vector<std::string> remarks_on(const DatasetInfo& info, const PretrainRecipe& recipe) {
  std::vector<std::string> remarks, known = info.classes;
  if (!info.left_out.empty()) remarks.push_back(info.left_out + " files lie among the pictures and are left out");
  for (const auto& note : info.notes) remarks.push_back(note.text + "; " + note.advice);
  constexpr size_t kShown = 8;
  std::vector<std::string> some = info.folders;
  if (some.size() > kShown) some.resize(kShown);
  if (std::erase(known, kUnlabelledClass) > 0 && !recipe.all_classes)
    remarks.push_back(
        "no folder says what is real: unlabelled faces are taken for real ones, as --data names them" +
        (some.empty() ? "" : " (folders " + join(some, ", ") + (some.size() < info.folders.size() ? ", ...)" : ")")));
  if (!known.empty()) remarks.push_back(describe_classes(known, info.attack_classes));
  return remarks;
}

Normalization choose_normalization(const PretrainRecipe& recipe, const Dataset& train, const RunSamples& samples,
                                   UnreadableSamples& unreadable) {
  if (recipe.normalization == "imagenet") return {};
  if (recipe.normalization == "vggface2")
    return {{.5482207537f, .4234053493f, .3654651642f}, {.2789176106f, .2438540757f, .2349389344f}};
  if (samples.normalization()) return *samples.normalization();
  if (train.info().normalization) return *train.info().normalization;
  return dataset_normalization(train, kNormalizationSamples, recipe.threads, &unreadable);
}

}  // namespace

PretrainData open_pretrain_data(const PretrainRecipe& recipe, RunSamples& samples, UnreadableSamples& unreadable) {
  auto all = samples.open("data", recipe.data, recipe.split, recipe.stated);
  const auto other = recipe.val_data.empty() ? nullptr : samples.open("val-data", recipe.val_data, "", recipe.stated);
  std::vector<const DatasetInfo*> infos = {&all->info()};
  if (other) infos.push_back(&other->info());
  require_stated_classes(infos, recipe.stated);
  PretrainData data;
  for (const DatasetInfo* info : infos)
    for (auto& remark : remarks_on(*info, recipe))
      if (std::find(data.remarks.begin(), data.remarks.end(), remark) == data.remarks.end())
        data.remarks.push_back(std::move(remark));
  const auto splits = splits_of(*all);
  const auto has = [&](const char* name) { return std::find(splits.begin(), splits.end(), name) != splits.end(); };
  auto of_split = [&](const char* name) { return genuine_only(subset(all, indices_of_split(*all, name)), recipe); };
  if (other)
    data.held_out = genuine_only(other, recipe);
  else if (recipe.split.empty() && has("train") && has("val"))
    data.held_out = of_split("val");
  data.train = genuine_only(recipe.split.empty() ? subset(all, training_indices(*all)) : all, recipe);
  if (!data.held_out) {
    Split split = hold_out_videos(data.train, recipe.val_fraction, recipe.seed);
    data.train = split.train;
    data.held_out = split.held_out;
  }
  if (auto attacks = indices_of_kind(*all, /*attack=*/true); !attacks.empty() && !recipe.all_classes)
    data.attacks = subset(all, std::move(attacks));
  data.train = draw_samples(data.train, recipe.max_samples, recipe.seed);
  if (data.held_out) data.held_out = draw_samples(data.held_out, recipe.val_samples, recipe.seed);
  if (data.held_out) {
    // Evenly spaced: neighbours are often frames of one video.
    const size_t all_faces = data.held_out->samples().size(), wanted = std::min(kPictureFaces, all_faces);
    std::vector<size_t> spread;
    for (size_t i = 0; i < wanted; ++i) spread.push_back(i * all_faces / wanted);
    data.examples = subset(data.held_out, std::move(spread));
  }
  data.normalization = choose_normalization(recipe, *data.train, samples, unreadable);
  return data;
}

}  // namespace fsfm
