#include "train/finetune/finetune_data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <span>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/augment/self_blended.h"
#include "data/shared_files.h"
#include "train/data_split.h"

namespace fsfm {
namespace {

constexpr uint64_t kValidationBlends =
    20250611;  // any fixed number: every run of any seed is validated on the same fakes

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string domain_of(const SampleRef& sample) { return sample.video.substr(0, sample.video.find('/')); }

LabelledData label(std::shared_ptr<const Dataset> dataset, const FinetuneRecipe& recipe,
                   const std::vector<std::string>& classes, const std::vector<std::string>& attacks) {
  LabelledData data;
  for (const auto& name : dataset->info().classes) {
    const bool attack = contains(attacks, name);
    data.genuine.push_back(!attack);
    if (recipe.task != "multi") {
      data.label_map.push_back(attack ? 0 : 1);
      continue;
    }
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end())
      throw Error("class '" + name + "' is in the validation data but not in the training data",
                  "remove it or add pictures of it");
    data.label_map.push_back(static_cast<int>(found - classes.begin()));
  }
  data.dataset = std::move(dataset);
  return data;
}

bool has_attacks(const LabelledData& data) {
  const auto& samples = data.dataset->samples();
  return std::any_of(samples.begin(), samples.end(),
                     [&](const SampleRef& sample) { return !data.genuine[static_cast<size_t>(sample.label)]; });
}

void require_both(const LabelledData& data, const FinetuneRecipe& recipe, const char* what) {
  size_t genuine = 0, attacks = 0;
  for (const auto& sample : data.dataset->samples())
    ++(data.genuine[static_cast<size_t>(sample.label)] ? genuine : attacks);
  if (genuine > 0 && (attacks > 0 || recipe.self_blend > 0)) return;
  throw Error(std::string("the ") + what + " holds " + std::to_string(genuine) + " genuine and " +
                  std::to_string(attacks) + " attack pictures",
              "put both below folders named by class (real/, fake/, ...), or use --self-blend with real faces only");
}

// What is said of a folder is said once, also of one that is given twice.
void add_warnings(FinetuneData& data, const Dataset& dataset) {
  const auto add = [&](std::string warning) {
    if (!contains(data.warnings, warning)) data.warnings.push_back(std::move(warning));
  };
  if (const std::string& left_out = dataset.info().left_out; !left_out.empty())
    add(left_out + " files lie among the pictures and are left out");
  for (const auto& note : dataset.info().notes) add(note.text + "; " + note.advice);
}

// Validation faces that are learned from choose weights and threshold by what the network knows by heart.
void look_for_shared_files(FinetuneData& data, int threads) {
  const SharedFiles shared = shared_files(*data.validation.dataset, *data.train.dataset, threads);
  if (shared.count > 0)
    data.warnings.push_back(std::to_string(shared.count) + " validation pictures are training pictures too, e.g. " +
                            shared.example + "; the validation figures are too kind");
}

}  // namespace

FinetuneData open_finetune_data(const FinetuneRecipe& recipe, RunSamples* samples) {
  RunSamples unrecorded;
  RunSamples& source = samples ? *samples : unrecorded;
  const auto all = source.open("data", recipe.data, "", recipe.stated);
  require_labels(*all);
  const auto other = recipe.val_data.empty() ? nullptr : source.open("val-data", recipe.val_data, "", recipe.stated);
  if (other) require_labels(*other);
  std::vector<const DatasetInfo*> infos = {&all->info()};
  if (other) infos.push_back(&other->info());
  require_stated_classes(infos, recipe.stated);
  const auto splits = splits_of(*all);
  const bool has_train = contains(splits, "train"), has_val = contains(splits, "val");
  FinetuneData data;
  std::shared_ptr<const Dataset> train = subset(all, training_indices(*all)), validation;
  if (other) {
    validation = other;
    data.validation_source = "--val-data";
  } else if (has_train && has_val) {
    validation = subset(all, indices_of_split(*all, "val"));
    data.validation_source = "val split";
  } else {
    Split split = hold_out_videos(train, recipe.val_fraction, recipe.seed);
    if (!split.held_out)
      throw Error("the data is too small to hold out videos for validation",
                  "give --val-data, or more videos of each class");
    train = split.train;
    validation = split.held_out;
    data.validation_source = "held-out videos";
  }
  train = draw_samples(train, recipe.max_samples, recipe.seed);

  const auto& attacks = all->info().attack_classes;
  data.meaning = describe_classes(all->info().classes, attacks);
  add_warnings(data, *all);
  if (other) add_warnings(data, *other);
  if (recipe.task == "multi") {
    data.classes = all->info().classes;
    data.attack_classes = attacks;
  } else {
    data.classes =
        recipe.task == "fas" ? std::vector<std::string>{"spoof", "live"} : std::vector<std::string>{"fake", "real"};
    data.attack_classes = {data.classes.front()};
  }
  data.train = label(train, recipe, data.classes, attacks);
  auto validation_attacks = validation->info().attack_classes;
  data.validation = label(validation, recipe, data.classes, validation_attacks);
  if (recipe.self_blend > 0 && !has_attacks(data.validation)) {
    validation_attacks.emplace_back(kSelfBlendedClass);
    data.validation = label(with_self_blends(validation, kValidationBlends), recipe, data.classes, validation_attacks);
    data.validation_source += ", real faces and self-blended fakes of them";
  }
  require_both(data.train, recipe, "training data");
  require_both(data.validation, recipe, "validation data");
  if (data.validation_source == "--val-data" || data.validation_source == "val split")
    look_for_shared_files(data, recipe.threads);
  return data;
}

std::vector<size_t> balanced_indices(const LabelledData& data, uint64_t seed, int epoch) {
  std::map<int, std::map<std::string, std::vector<size_t>>> classes;
  const auto& samples = data.dataset->samples();
  for (size_t i = 0; i < samples.size(); ++i)
    classes[data.label_map[static_cast<size_t>(samples[i].label)]][domain_of(samples[i])].push_back(i);
  const size_t per_class = (samples.size() + classes.size() - 1) / std::max<size_t>(1, classes.size());
  std::vector<size_t> balanced;
  balanced.reserve(per_class * classes.size());
  for (const auto& [label, sources] : classes) {
    double total = 0, before = 0;
    for (const auto& [name, indices] : sources) total += std::sqrt(static_cast<double>(indices.size()));
    uint64_t nth = 0;
    for (const auto& [name, indices] : sources) {
      const double after = before + std::sqrt(static_cast<double>(indices.size()));
      const auto edge = [&](double part) { return std::llround(static_cast<double>(per_class) * part / total); };
      const auto share = static_cast<size_t>(edge(after) - edge(before));
      before = after;
      // One endless sequence of shuffled passes; an epoch takes the next `share` of it.
      const uint64_t stream = static_cast<uint64_t>(label) << 48 | nth++ << 32;
      size_t at = share * static_cast<size_t>(epoch);
      std::vector<size_t> order;
      for (size_t left = share, pass = SIZE_MAX; left > 0; --left, ++at) {
        if (at / indices.size() != pass) {
          pass = at / indices.size();
          order = indices;
          Rng rng(seed, stream + pass);
          rng.shuffle(std::span(order));
        }
        balanced.push_back(order[at % indices.size()]);
      }
    }
  }
  return balanced;
}

int count_domains(const Dataset& dataset) {
  std::set<std::string> domains;
  for (const auto& sample : dataset.samples()) domains.insert(domain_of(sample));
  return static_cast<int>(domains.size());
}

std::vector<size_t> domain_balanced_indices(const LabelledData& data, int per_class, int64_t steps, uint64_t seed,
                                            int epoch) {
  std::map<std::pair<std::string, int>, std::vector<size_t>> queues;  // (domain, genuine)
  std::set<std::string> domains;
  const auto& samples = data.dataset->samples();
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::string domain = domain_of(samples[i]);
    domains.insert(domain);
    queues[{domain, data.genuine[static_cast<size_t>(samples[i].label)]}].push_back(i);
  }
  if (queues.size() != 2 * domains.size())
    throw Error("a domain has only live or only attack pictures", "every --data of the fas task needs both");
  Rng rng(seed, static_cast<uint64_t>(epoch) + 1);
  std::map<std::pair<std::string, int>, size_t> next;
  for (auto& [key, queue] : queues) rng.shuffle(std::span(queue));
  std::vector<size_t> order;
  for (int64_t step = 0; step < steps; ++step) {
    for (int k = 0; k < per_class; ++k) {
      for (auto& [key, queue] : queues) {
        size_t& at = next[key];
        if (at == queue.size()) {
          rng.shuffle(std::span(queue));
          at = 0;
        }
        order.push_back(queue[at++]);
      }
    }
  }
  return order;
}

}  // namespace fsfm
