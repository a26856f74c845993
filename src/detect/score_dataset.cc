#include "detect/score_dataset.h"

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/text.h"

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
  const size_t image_floats = size_t{3} * transform.size * transform.size;
  const size_t total = options.only.empty() ? dataset.samples().size() : options.only.size();
  auto sample_at = [&](size_t position) { return options.only.empty() ? position : options.only[position]; };
  const size_t batch_size = static_cast<size_t>(std::max(1, options.batch_size));

  Progress progress(options.progress_label.empty() ? info.name : options.progress_label, total, "faces",
                    options.show_progress);
  std::vector<float> images(batch_size * image_floats);  // [B, 3, S, S]
  std::vector<std::string> failure(batch_size);
  std::vector<size_t> indices;
  for (size_t first = 0; first < total; first += batch_size) {
    if (options.stop.stop_requested()) {
      result.complete = false;
      break;
    }
    const size_t count = std::min(batch_size, total - first);
    parallel_for(count, options.threads, [&](size_t slot, int) {
      failure[slot].clear();
      try {
        const size_t index = sample_at(first + slot);
        Image image = dataset.load(index).image;
        if (options.alter) image = options.alter(image, index);
        normalize_to_chw(transform.apply(image), normalization,
                         std::span(images).subspan(slot * image_floats, image_floats));
      } catch (const Error& error) {
        failure[slot] = error.what();
      }
    });
    // Close the gaps that unreadable pictures leave.
    size_t kept = 0;
    indices.clear();
    for (size_t slot = 0; slot < count; ++slot) {
      if (!failure[slot].empty()) {
        result.unreadable.push_back(failure[slot]);
        continue;
      }
      if (kept != slot)
        std::copy_n(images.begin() + slot * image_floats, image_floats, images.begin() + kept * image_floats);
      indices.push_back(sample_at(first + slot));
      const auto& sample = dataset.samples()[indices.back()];
      const std::string& name = info.classes.at(sample.label);
      result.keys.push_back(sample.key);
      result.classes.push_back(name);
      result.videos.push_back(sample.video);
      result.labels.push_back(contains(result.attack_classes, name));
      ++kept;
    }
    if (kept > 0) use(std::span(images).first(kept * image_floats), indices);
    progress.update(first + count);
  }
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
