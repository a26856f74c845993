// What the kinds of fsfm probe share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/sources.h"
#include "detect/probe_scores.h"
#include "report/probe_report.h"

namespace fsfm::cli {

struct ProbeFlags {
  std::string probe;
  std::filesystem::path out;
  std::vector<std::filesystem::path> models, data, reference;  // of models one, except for attention
  ClassStatement stated;
  std::string split, reference_split, parser = "shipped", device = "auto", precision = "fp32";
  bool json = false;
  int samples = 400, draws = 2, neighbours = 10, batch_size = 16, threads = 0, resamples = 2000;
  double mask_ratio = 0.75;
  uint64_t seed = 0;
};

// How to read a dataset's faces: a seeded draw of --samples of them.
ScoreOptions probe_scoring(const ProbeFlags& flags, const Source& source);

using Probe = std::function<ProbeScores(const Source&)>;
// Also says in the report what the scores are. `flags` outlives the probe.
Probe reconstruction_probe(const ModelFile& model, const ProbeFlags& flags, report::ProbeReport& report);

}  // namespace fsfm::cli
