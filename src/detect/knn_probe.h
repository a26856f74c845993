// How far a face lies from real faces in the feature space of a frozen network, and which class its neighbours have.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "detect/frozen_encoder.h"
#include "detect/probe_scores.h"

namespace fsfm {

struct KnnOptions {
  int neighbours = 10;
  double temperature = 0.07;   // of the neighbours' votes: weight exp(cosine / temperature)
  double false_alarms = 0.05;  // share of the reference's real faces that the distance would call attacks
  int threads = 0;
};

// Two scores in [0, 1] for every face of `probed`; neighbours of the face's own video never count.
// "distance to real faces": the mean cosine distance to the nearest real faces of the reference, on a logistic scale
// that the reference itself fixes: 0.5 is the distance that a share `false_alarms` of its real faces exceed among each
// other, and that share is the score at their median distance. No label is used.
// "k-NN classes", when the reference has attacks too: the weighted share of attacks among the nearest.
// Throws Error when the reference has fewer than two videos of real faces.
ProbeScores knn_probe(const FaceFeatures& reference, const FaceFeatures& probed, const KnnOptions& options);

}  // namespace fsfm
