#include "train/data_split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/naming.h"
#include "data/record.h"
#include "data/store/open_dataset.h"

namespace fsfm {

Split hold_out_videos(std::shared_ptr<const Dataset> dataset, double fraction, uint64_t seed) {
  // Videos of each class, in order of name: the draw does not depend on the order of the files.
  std::map<int, std::map<std::string, std::vector<size_t>>> classes;
  const auto& samples = dataset->samples();
  for (size_t i = 0; i < samples.size(); ++i) classes[samples[i].label][video_of_person(samples[i].video)].push_back(i);

  std::vector<size_t> train, held_out;
  for (const auto& [label, videos] : classes) {
    std::vector<const std::vector<size_t>*> order;
    size_t total = 0;
    for (const auto& [name, indices] : videos) {
      order.push_back(&indices);
      total += indices.size();
    }
    Rng rng(seed, static_cast<uint64_t>(label) + 1);
    rng.shuffle(std::span(order));
    const double wanted = fraction * static_cast<double>(total);
    size_t taken = 0;
    for (size_t v = 0; v < order.size(); ++v) {
      const bool last = v + 1 == order.size();
      const bool hold = fraction > 0 && !last && (v == 0 || static_cast<double>(taken) < wanted);
      auto& side = hold ? held_out : train;
      side.insert(side.end(), order[v]->begin(), order[v]->end());
      if (hold) taken += order[v]->size();
    }
  }
  std::sort(train.begin(), train.end());
  std::sort(held_out.begin(), held_out.end());
  Split split;
  if (held_out.empty()) {
    split.train = std::move(dataset);
    return split;
  }
  split.train = subset(dataset, std::move(train));
  split.held_out = subset(std::move(dataset), std::move(held_out));
  return split;
}

std::shared_ptr<const Dataset> open_all(const std::vector<std::filesystem::path>& folders, const std::string& split,
                                        const ClassStatement& stated) {
  std::vector<std::unique_ptr<Dataset>> parts;
  for (const auto& folder : folders) parts.push_back(open_dataset(folder, split, stated));
  if (parts.size() == 1) return std::move(parts.front());
  return concatenate(std::move(parts));
}

std::vector<size_t> training_indices(const Dataset& dataset) {
  std::vector<size_t> training, everything;
  for (size_t i = 0; i < dataset.samples().size(); ++i) {
    const std::string& split = dataset.samples()[i].split;
    everything.push_back(i);
    if (split == "train" || split.empty()) training.push_back(i);
  }
  return training.empty() ? everything : training;
}

std::shared_ptr<const Dataset> draw_samples(std::shared_ptr<const Dataset> dataset, int64_t count, uint64_t seed) {
  const size_t total = dataset->samples().size();
  if (count <= 0 || static_cast<size_t>(count) >= total) return dataset;
  std::vector<size_t> indices(total);
  std::iota(indices.begin(), indices.end(), size_t{0});
  Rng rng(seed, 0x5A3);
  rng.shuffle(std::span(indices));
  indices.resize(static_cast<size_t>(count));
  std::sort(indices.begin(), indices.end());
  return subset(std::move(dataset), std::move(indices));
}

std::string face_detector_of(const Dataset& dataset) {
  // The first sample that has a record: single ones may be damaged or gone.
  constexpr size_t kMostTries = 16;
  for (size_t i = 0; i < std::min(kMostTries, dataset.samples().size()); ++i) {
    try {
      if (const auto record = dataset.load_record(i)) return record->face_detector;
    } catch (const Error&) {
    }
  }
  return "";
}

nlohmann::json manifest_of(const Dataset& dataset) {
  std::vector<std::string> keys;
  std::set<std::string> videos;
  for (const auto& sample : dataset.samples()) {
    keys.push_back(to_utf8(sample.key));  // as run_samples.h remembers them
    videos.insert(sample.video);
  }
  std::sort(keys.begin(), keys.end());
  nlohmann::json classes = nlohmann::json::object();
  const auto counts = class_counts(dataset);
  for (size_t c = 0; c < counts.size(); ++c) classes[dataset.info().classes[c]] = counts[c];
  return {{"name", dataset.info().name},
          {"samples", keys.size()},
          {"videos", videos.size()},
          {"classes", classes},
          {"keys_sha256", sha256(join(keys, "\n"))}};
}

}  // namespace fsfm
