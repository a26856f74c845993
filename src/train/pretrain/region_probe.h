// What a pretrained network finds hard to paint: each region of a face is hidden, and the error of its reconstruction
// is the score of the face. No label is used.
#pragma once

#include <functional>

#include "detect/probe_scores.h"
#include "face/parser.h"
#include "nn/fsfm_net.h"
#include "nn/precision.h"

namespace fsfm {

// The online network of a pretrained model file, ready to predict pixels. Throws Error when the file holds none (an
// encoder alone, a target network, a detector).
FsfmOnline open_online_network(const ModelFile& model);

struct RegionProbeOptions {
  int draws = 2;        // masks a region and face; their errors are averaged
  double ratio = 0.75;  // part of the patches that is hidden, as in pretraining
  bool norm_pix = true;
  uint64_t seed = 0;  // the same seed hides the same patches
  // Asked for when a face has no stored class map; empty: such a face is an Error.
  std::function<FaceParser&()> parser{};
  Precision precision = Precision::fp32;
  ScoreOptions scoring{};
};

// Columns: the 11 face classes and "all regions", their mean. For each class all patches that it touches are hidden (at
// most `ratio` of all), and patches drawn at random until `ratio` of all are; the score is the mean squared error over
// the hidden patches of the class, in the units the network was trained on. NaN where a face shows nothing of a class,
// everywhere where the parser finds no face.
ProbeScores probe_regions(FsfmOnline& online, torch::Device device, const Dataset& dataset,
                          const Normalization& normalization, const RegionProbeOptions& options);

}  // namespace fsfm
