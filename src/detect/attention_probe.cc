#include "detect/attention_probe.h"

#include <algorithm>
#include <cmath>

namespace fsfm {
namespace {

constexpr double kLeast = 1e-12;  // of a share, before its logarithm

// Attention among the patches of one head: [L, L], rows of sum 1, and its logarithm.
struct Head {
  std::vector<float> shares, logs;

  Head(std::span<const float> weights, size_t patches) : shares(patches * patches), logs(patches * patches) {
    const size_t tokens = patches + 1;
    for (size_t q = 0; q < patches; ++q) {
      const auto row = weights.subspan((q + 1) * tokens + 1, patches);
      double sum = 0;
      for (const float share : row) sum += share;
      for (size_t k = 0; k < patches; ++k) {
        const double share = std::max(row[k] / std::max(sum, kLeast), kLeast);
        shares[q * patches + k] = static_cast<float>(share);
        logs[q * patches + k] = static_cast<float>(std::log(share));
      }
    }
  }
};

double divergence(const Head& a, const Head& b, size_t patches) {
  double sum = 0;
  for (size_t i = 0; i < a.shares.size(); ++i) sum += a.shares[i] * static_cast<double>(a.logs[i] - b.logs[i]);
  return sum / static_cast<double>(patches);
}

// [L, L] in pixels.
std::vector<float> distances_of(const VitConfig& layout) {
  const int grid = layout.img_size / layout.patch_size, patches = layout.patches();
  std::vector<float> distances;
  for (int q = 0; q < patches; ++q)
    for (int k = 0; k < patches; ++k)
      distances.push_back(static_cast<float>(layout.patch_size * std::hypot(q / grid - k / grid, q % grid - k % grid)));
  return distances;
}

}  // namespace

void add_attention(std::span<const float> weights, const VitConfig& layout, std::vector<AttentionLayer>& sums) {
  const auto patches = static_cast<size_t>(layout.patches()), heads = static_cast<size_t>(layout.num_heads);
  const size_t per_head = (patches + 1) * (patches + 1);
  const std::vector<float> far = distances_of(layout);
  sums.resize(static_cast<size_t>(layout.depth), {.distances = std::vector<double>(heads)});
  for (size_t l = 0; l < sums.size(); ++l) {
    std::vector<Head> all;
    for (size_t h = 0; h < heads; ++h) {
      all.emplace_back(weights.subspan((l * heads + h) * per_head, per_head), patches);
      double sum = 0;
      for (size_t i = 0; i < far.size(); ++i) sum += static_cast<double>(all[h].shares[i]) * far[i];
      sums[l].distances[h] += sum / static_cast<double>(patches);
    }
    for (size_t a = 0; a < heads; ++a)
      for (size_t b = 0; b < heads; ++b)
        if (a != b) sums[l].diversity += divergence(all[a], all[b], patches) / static_cast<double>(heads * (heads - 1));
  }
}

AttentionFigures attention_probe(FrozenEncoder& encoder, const Dataset& dataset, const ScoreOptions& options) {
  AttentionFigures figures{.side = encoder.layout().img_size};
  const ScoredDataset faces = encoder.attention(dataset, options, [&](std::span<const float> weights) {
    add_attention(weights, encoder.layout(), figures.layers);
    ++figures.faces;
  });
  figures.complete = faces.complete;
  for (auto& layer : figures.layers) {
    for (double& distance : layer.distances) distance /= figures.faces;
    layer.diversity /= figures.faces;
  }
  return figures;
}

}  // namespace fsfm
