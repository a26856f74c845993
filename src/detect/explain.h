// Where in a face a score comes from: parts are hidden, and the change of the score is what they said.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "face/parser.h"
#include "face/reconstruct.h"
#include "face/region_map.h"
#include "media/image.h"

namespace fsfm {

// images [batch, 3, S, S] as the network reads them -> the log odds of an attack, [batch].
using AttackOdds = std::function<std::vector<double>(std::span<const float> images, int batch)>;

// The log odds of "attack" in a network's logits [batch, is_attack.size()].
std::vector<double> attack_odds(std::span<const float> logits, std::span<const uint8_t> is_attack, double temperature);

// image [3, S, S] as the network reads it, hidden [grid * grid], row-major -> the image with something else there.
using HidePatches = std::function<std::vector<float>(std::span<const float> image, std::span<const uint8_t> hidden)>;

// A hidden patch shows what lies at the mirrored place of the same face: nothing foreign comes into the picture, and no
// edge or blur that a detector of forgeries would take for one (docs/explanations.md has the other fills that were
// tried). image: [3, side, side].
HidePatches mirrored_patches(int side);

// [grid * grid]: by how much the log odds fall when the patch is hidden, the mean over all windows of `window` x
// `window` patches (half a window apart) that hold it. Positive: it speaks for an attack. `window` from 1 to grid.
std::vector<float> occlusion_map(std::span<const float> image, int grid, int window, const HidePatches& hide,
                                 const AttackOdds& odds);

struct RegionEffect {
  RegionGroup region = kBackgroundGroup;
  std::vector<int> patches{};  // those that show it, row by row
  double effect = 0;           // mean of the map over its patches
};

struct Explanation {
  int grid = 0;
  std::vector<float> map;             // occlusion_map
  std::vector<RegionEffect> regions;  // those the face has, strongest effect first
  std::string sentence;               // what speaks most for or against a forgery
  // What the map lies over: the face as the network saw it, and where that is in the picture. Set by Detector.
  Image view{};
  Rect place{};
  Image repainted{};  // the view by repaint(), where a foundation model is at hand: a picture, no evidence
};

// "mouth +1.3, eyes +0.4": what hiding each region does to the log odds, strongest first.
std::string effects_text(const Explanation& explanation);

// The view with the map over it: red where it speaks for a forgery, blue where against, clear where it says little.
Image paint_map(const Explanation& explanation);

// The view as `painter` imagines it from a quarter of its patches, one region of the face hidden whole (CRFR-P), always
// the same one for one view; of the painter's size.
Image repaint(const Image& view, FaceParser& parser, FaceReconstructor& painter);

// `regions`: of the very picture, one word a patch. Costs some 37 passes of the network.
Explanation explain(std::span<const float> image, const RegionMap& regions, const HidePatches& hide,
                    const AttackOdds& odds);

}  // namespace fsfm
