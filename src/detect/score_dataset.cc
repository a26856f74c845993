#include "detect/score_dataset.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/batch/eval_batch.h"
#include "data/unreadable.h"

namespace fsfm {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<uint8_t> attack_mask(const ModelCard& card) {
  std::vector<uint8_t> mask;
  for (const auto& name : card.classes) mask.push_back(contains(card.attack_classes, name));
  const auto attacks = std::count(mask.begin(), mask.end(), 1);
  if (attacks == 0 || attacks == static_cast<std::ptrdiff_t>(mask.size()))
    throw Error("model " + card.name + ": its card does not tell attack classes from real ones (classes: " +
                    join(card.classes, ", ") + ")",
                "fine-tune a detector, or name the attack classes when converting");
  return mask;
}

std::vector<size_t> draw_faces(const Dataset& dataset, const std::vector<std::string>& attack_classes, size_t count,
                               uint64_t seed) {
  const auto& samples = dataset.samples();
  if (count == 0 || count >= samples.size()) return {};
  const auto& info = dataset.info();
  const auto& attacks = attack_classes.empty() ? info.attack_classes : attack_classes;
  std::vector<size_t> kinds[2];  // real, attack
  for (size_t i = 0; i < samples.size(); ++i)
    kinds[contains(attacks, info.classes.at(static_cast<size_t>(samples[i].label)))].push_back(i);
  Rng rng(seed);
  for (auto& kind : kinds) rng.shuffle(std::span(kind));
  const size_t real = std::clamp(count / 2, count - std::min(count, kinds[1].size()), std::min(count, kinds[0].size()));
  std::vector<size_t> drawn(kinds[0].begin(), kinds[0].begin() + static_cast<std::ptrdiff_t>(real));
  drawn.insert(drawn.end(), kinds[1].begin(), kinds[1].begin() + static_cast<std::ptrdiff_t>(count - real));
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

ScoredDataset read_faces(const Dataset& dataset, const Transform& transform, const Normalization& normalization,
                         const ScoreOptions& options, const UseFaces& use) {
  const auto& info = dataset.info();
  ScoredDataset result;
  result.name = info.name;
  result.attack_classes = options.attack_classes.empty() ? info.attack_classes : options.attack_classes;
  for (const auto& name : result.attack_classes) {
    if (contains(info.classes, name)) continue;
    const std::string near = nearest_name(name, info.classes);
    throw Error(info.name + ": no class '" + name + "'",
                near.empty() ? "its classes are " + join(info.classes, ", ") : "did you mean " + near + "?");
  }
  // Decoding runs ahead of the network on threads of its own (data/loader.h).
  const std::shared_ptr<const Dataset> whole(std::shared_ptr<void>(), &dataset);
  const auto faces = options.only.empty() ? whole : subset(whole, options.only);
  auto index_of = [&](size_t position) { return options.only.empty() ? position : options.only[position]; };
  EvalBatchOptions batch{transform, normalization};
  if (options.alter) batch.alter = [&](const Image& image, size_t at) { return options.alter(image, index_of(at)); };
  const int batch_size = std::max(1, options.batch_size);
  UnreadableSamples unreadable;
  Loader loader(*faces,
                {.batch_size = batch_size,
                 .workers = thread_count(options.threads),
                 .shuffle = false,
                 .drop_last = false,
                 .unreadable = &unreadable,
                 .replace_unreadable = false},
                make_eval_filler(batch), make_eval_batch(batch, batch_size));
  loader.start(0);

  Progress progress(options.progress_label.empty() ? info.name : options.progress_label, faces->samples().size(),
                    "faces", options.show_progress);
  std::vector<size_t> indices;
  while (auto loaded = loader.next()) {
    if (options.stop.stop_requested()) {
      result.complete = false;
      break;
    }
    indices.clear();
    for (const size_t position : loaded->indices) {
      indices.push_back(index_of(position));
      const auto& sample = dataset.samples()[indices.back()];
      const std::string& name = info.classes.at(sample.label);
      result.keys.push_back(sample.key);
      result.classes.push_back(name);
      result.videos.push_back(sample.video);
      result.labels.push_back(contains(result.attack_classes, name));
    }
    use(loaded->images, indices);
    progress.update(result.size() + unreadable.size());
    loader.recycle(*std::move(loaded));
  }
  for (const auto& entry : unreadable.entries()) result.unreadable.push_back(entry.why);
  std::sort(result.unreadable.begin(), result.unreadable.end());  // workers find them in any order
  progress.finish();
  if (result.complete && result.size() == 0)
    throw Error(info.name + ": no picture could be read",
                result.unreadable.empty() ? "" : "first: " + result.unreadable[0]);
  return result;
}

ScoredDataset score_dataset(const Dataset& dataset, const ModelCard& card, const LogitFunction& network,
                            const ScoreOptions& options) {
  require_labels(dataset);
  std::vector<float> logits;
  ScoredDataset result = read_faces(
      dataset, Transform::parse(card.resize), {card.mean, card.std}, options,
      [&](std::span<const float> images, std::span<const size_t> indices) {
        const auto values = network(images, static_cast<int>(indices.size()));
        if (values.size() != indices.size() * card.classes.size())
          throw Error("model " + card.name + ": its network gives " + std::to_string(values.size() / indices.size()) +
                          " values a face but its card names " + std::to_string(card.classes.size()) + " classes",
                      "the file is damaged or was edited");
        logits.insert(logits.end(), values.begin(), values.end());
      });
  result.logits = std::move(logits);
  return result;
}

}  // namespace fsfm
