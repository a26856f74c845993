// Attack scores that no label has shaped, one column a probe (a region of the face, a kind of distance), and what they
// are worth where labels are known.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "detect/score_dataset.h"
#include "metrics/bootstrap.h"

namespace fsfm {

struct ProbeColumn {
  std::string name;                   // "nose", "distance to real faces"
  std::vector<double> scores;         // [N] higher = more suspicious; NaN: this face does not have it
  std::optional<double> threshold{};  // attack when score >= threshold; absent when the probe knows none
};

struct ProbeScores {
  ScoredDataset faces;          // without logits
  std::vector<size_t> indices;  // [N] position of each face in the dataset
  std::vector<ProbeColumn> columns;
};

// NaN where a class is absent.
struct ProbeFigure {
  std::string name;
  size_t attacks = 0, bona_fide = 0;  // faces that have this score
  double mean_attack, mean_bona_fide;
  double auc;                  // of single faces
  metrics::Interval interval;  // 95 %, whole videos resampled
  std::optional<double> threshold{};
  double apcer, bpcer;  // at that threshold
};

// One figure a column; columns that no face has are left out.
std::vector<ProbeFigure> probe_figures(const ProbeScores& scores, const metrics::BootstrapOptions& options);

nlohmann::json to_json(const ProbeFigure& figure);
// dataset,key,video,class,attack and one field a column (empty where the face lacks it).
std::string probe_csv(const std::vector<ProbeScores>& datasets);

}  // namespace fsfm
