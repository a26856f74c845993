#include "detect/knn_probe.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/parallel.h"

namespace fsfm {
namespace {

// Names of both sides as numbers: comparing them happens once a pair.
struct Videos {
  std::vector<int> reference, probed;
  Videos(const ScoredDataset& a, const ScoredDataset& b) {
    std::unordered_map<std::string_view, int> numbers;
    for (const auto& name : a.videos)
      reference.push_back(numbers.try_emplace(name, static_cast<int>(numbers.size())).first->second);
    for (const auto& name : b.videos)
      probed.push_back(numbers.try_emplace(name, static_cast<int>(numbers.size())).first->second);
  }
};

struct Neighbour {
  float cosine;
  bool attack;
};

// The nearest `count` of the reference that `eligible(row)` lets through, nearest first.
std::vector<Neighbour> nearest(const FaceFeatures& reference, std::span<const float> face, size_t count,
                               const std::function<bool(size_t)>& eligible) {
  std::vector<Neighbour> found;
  for (size_t r = 0; r < reference.faces.size(); ++r) {
    if (!eligible(r)) continue;
    const float* row = reference.values.data() + r * reference.width;
    float cosine = 0;
    for (size_t d = 0; d < reference.width; ++d) cosine += row[d] * face[d];
    found.push_back({cosine, reference.faces.labels[r] == 1});
  }
  const size_t kept = std::min(count, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                    [](const Neighbour& a, const Neighbour& b) { return a.cosine > b.cosine; });
  found.resize(kept);
  return found;
}

double mean_distance(const std::vector<Neighbour>& neighbours) {
  if (neighbours.empty()) return metrics::kNaN;
  double sum = 0;
  for (const auto& n : neighbours) sum += 1.0 - n.cosine;
  return sum / static_cast<double>(neighbours.size());
}

double attack_share(const std::vector<Neighbour>& neighbours, double temperature) {
  double all = 0, attacks = 0;
  for (const auto& n : neighbours) {
    const double weight = std::exp((n.cosine - neighbours[0].cosine) / temperature);
    all += weight;
    if (n.attack) attacks += weight;
  }
  return all > 0 ? attacks / all : metrics::kNaN;
}

std::span<const float> row(const FaceFeatures& features, size_t i) {
  return std::span(features.values).subspan(i * features.width, features.width);
}

// Distance -> (0, 1): fixed by where the reference's own real faces lie.
struct Scale {
  double middle, width;
  double operator()(double distance) const {
    return std::isfinite(distance) ? 1 / (1 + std::exp(-(distance - middle) / width)) : metrics::kNaN;
  }
};

Scale scale_of(std::vector<double> distances, double share) {
  std::erase_if(distances, [](double d) { return !std::isfinite(d); });
  if (distances.size() < 2)
    throw Error("the reference needs real faces of at least two videos or pictures", "give more: --reference DIR");
  std::sort(distances.begin(), distances.end());
  const auto at = [&](double quantile) {
    return distances[std::min(distances.size() - 1,
                              static_cast<size_t>(quantile * static_cast<double>(distances.size())))];
  };
  const double middle = at(1 - share), median = at(0.5);
  const double slope = (middle - median) / std::log((1 - share) / share);
  return {middle, std::max(slope, 1e-9)};
}

}  // namespace

ProbeScores knn_probe(const FaceFeatures& reference, const FaceFeatures& probed, const KnnOptions& options) {
  if (reference.width != probed.width) throw InternalError("features of different widths");
  const auto count = static_cast<size_t>(std::max(1, options.neighbours));
  const Videos videos(reference.faces, probed.faces);
  const auto is_real = [&](size_t r) { return reference.faces.labels[r] == 0; };

  std::vector<double> own(reference.faces.size(), metrics::kNaN);
  parallel_for(own.size(), options.threads, [&](size_t i, int) {
    if (!is_real(i)) return;
    own[i] = mean_distance(nearest(reference, row(reference, i), count,
                                   [&](size_t r) { return is_real(r) && videos.reference[r] != videos.reference[i]; }));
  });
  const Scale scale = scale_of(own, options.false_alarms);

  ProbeScores result{probed.faces, probed.indices, {}};
  result.columns.push_back({"distance to real faces", std::vector<double>(probed.faces.size()), 0.5});
  const auto attacks = std::count(reference.faces.labels.begin(), reference.faces.labels.end(), 1);
  if (attacks > 0) result.columns.push_back({"k-NN classes", std::vector<double>(probed.faces.size()), 0.5});
  parallel_for(probed.faces.size(), options.threads, [&](size_t i, int) {
    const auto other_video = [&](size_t r) { return videos.reference[r] != videos.probed[i]; };
    result.columns[0].scores[i] = scale(mean_distance(
        nearest(reference, row(probed, i), count, [&](size_t r) { return is_real(r) && other_video(r); })));
    if (attacks > 0)
      result.columns[1].scores[i] =
          attack_share(nearest(reference, row(probed, i), count, other_video), options.temperature);
  });
  return result;
}

}  // namespace fsfm
