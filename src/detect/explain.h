// Where in a face a score comes from: parts are hidden, and the change of the score is what they said.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "face/region_map.h"

namespace fsfm {

// images [batch, 3, S, S] as the network reads them -> the log odds of an attack, [batch].
using AttackOdds = std::function<std::vector<double>(std::span<const float> images, int batch)>;

// The log odds of "attack" in a network's logits [batch, is_attack.size()].
std::vector<double> attack_odds(std::span<const float> logits, std::span<const uint8_t> is_attack, double temperature);

// A hidden patch keeps its mean colour and loses all else, so that nothing foreign comes into the picture.
// `hidden`: [grid * grid], row-major. image: [3, side, side].
std::vector<float> hide_patches(std::span<const float> image, int side, std::span<const uint8_t> hidden);

// [grid * grid]: by how much the log odds fall when the patch is hidden, the mean over all windows of `window` x
// `window` patches (one patch apart) that hold it. Positive: it speaks for an attack. `window` from 1 to grid.
std::vector<float> occlusion_map(std::span<const float> image, int side, int grid, int window, const AttackOdds& odds);

struct RegionEffect {
  RegionGroup region;
  int patches = 0;
  double effect = 0;  // by how much the log odds fall when the region is hidden
};

struct Explanation {
  int grid = 0;
  std::vector<float> map;             // occlusion_map
  std::vector<RegionEffect> regions;  // those the face has, strongest effect first
  std::string sentence;               // what speaks most for or against a forgery
};

// `regions`: of the very picture, one word a patch. Costs about grid * grid passes of the network.
Explanation explain(std::span<const float> image, int side, const RegionMap& regions, const AttackOdds& odds);

}  // namespace fsfm
