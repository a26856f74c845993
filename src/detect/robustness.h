// How a detector fares when faces arrive compressed, shrunk, blurred, noisy, too dark or filmed from a screen.
#pragma once

#include <string>
#include <vector>

#include "detect/evaluation.h"
#include "detect/score_dataset.h"

namespace fsfm {

struct RobustnessPoint {
  std::string dataset, kind;  // kind: data/augment/degrade.h
  int strength = 0;           // 0 = as they are, 1 (mild) to 5 (severe)
  std::string meaning{};      // "quality 45 twice"
  double auc = 0;             // of single faces
  metrics::Interval interval{};
  double apcer = 0, bpcer = 0;  // at the operating point
};

struct RobustnessOptions {
  size_t samples = 0;  // a random choice of this many faces, of both kinds; 0 = all
  uint64_t seed = 0;   // of that choice and of the degradations
  metrics::BootstrapOptions bootstrap{};
};

// Every degradation at strengths 0 to 5 on the same faces; strength 0 is scored once. An interrupted sweep returns
// nothing. `scoring` gives batch size, threads, attack classes and the progress bar.
std::vector<RobustnessPoint> robustness_sweep(const Dataset& dataset, const ModelCard& card,
                                              const LogitFunction& network, const OperatingPoint& point,
                                              const ScoreOptions& scoring, const RobustnessOptions& options);

}  // namespace fsfm
