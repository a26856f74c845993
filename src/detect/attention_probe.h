// Where the heads of a network look, which no label is needed for: how far from a patch, and how differently.
#pragma once

#include <string>
#include <vector>

#include "detect/frozen_encoder.h"

namespace fsfm {

struct AttentionLayer {
  // [heads] from a patch to those it looks at, in pixels of the input, weighted by its attention.
  std::vector<double> distances;
  // Kullback-Leibler divergence between what two heads look at, in nats: 0 when all do the same.
  double diversity = 0;
};

// Means over faces and patches (diversity: over pairs of heads, too). The class token is left out, and what a patch
// gives to it: its attention to the other patches is taken as the whole.
struct AttentionFigures {
  std::string model{};
  int faces = 0, side = 0;  // side of the input in pixels
  bool complete = true;     // false when it was stopped: the faces so far
  std::vector<AttentionLayer> layers{};
};

AttentionFigures attention_probe(FrozenEncoder& encoder, const Dataset& dataset, const ScoreOptions& options);
// Adds one picture's `weights`, VitEngine::attention of a network with square patches, to sums that begin as zeros:
// distances[layer][head] and diversity of AttentionLayer, not yet divided by the number of faces.
void add_attention(std::span<const float> weights, const VitConfig& layout, std::vector<AttentionLayer>& sums);

}  // namespace fsfm
