// From a model's answers on a dataset to everything that is reported of them (method.md section 5).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "detect/operating_point.h"
#include "detect/score_dataset.h"
#include "metrics/metrics.h"

namespace fsfm {

// The figures at one level, with 95 % intervals.
struct LevelFigures {
  size_t attacks = 0, bona_fide = 0;
  metrics::CurveFigures curve{};
  metrics::ErrorRates at_threshold{};
  metrics::FigureIntervals intervals{};
  std::vector<int> labels;
  std::vector<double> scores;
};

struct Evaluation {
  std::string dataset;
  OperatingPoint point;
  LevelFigures frames;                    // intervals: whole videos are resampled
  LevelFigures videos;                    // mean score of each video; intervals: videos are resampled
  bool has_videos = false;                // some video has several frames
  std::vector<metrics::TypeRates> types;  // per attack class, of videos where there are any
  metrics::Calibration calibration;       // frames
  metrics::FasFigures paper;              // the published anti-spoofing protocol, threshold chosen on these very scores
  size_t unreadable = 0;
};

// `is_attack`: attack_mask(card).
Evaluation evaluate(const ScoredDataset& scored, std::span<const uint8_t> is_attack, const OperatingPoint& point,
                    const metrics::BootstrapOptions& bootstrap = {});

// TPR at a false positive rate below 1 / bona_fide says nothing: such rates are not reported.
inline bool resolves(size_t bona_fide, double fpr) { return static_cast<double>(bona_fide) * fpr >= 1.0; }

nlohmann::json to_json(const Evaluation& evaluation);

// dataset,key,video,class,attack,score: one line a face; fields quoted where needed.
std::string scores_csv(const std::vector<ScoredDataset>& datasets, std::span<const uint8_t> is_attack,
                       double temperature);

}  // namespace fsfm
