// The published protocol, figure for figure, so that our numbers stand beside theirs. For honest ones see decision.h.
#pragma once

#include <span>
#include <string>

namespace fsfm::metrics {

// The anti-spoofing protocol: the threshold is chosen on the very scores it is judged on. Here label 1 = LIVE and a
// score is P(live), as in the authors' code; `score >= threshold` means live.
struct FasFigures {
  double eer;              // mean of both error rates at the threshold
  double threshold;        // of the grid 0, 1e-4, ..., 1, 1.1 (10,002 points): the last with the smallest difference
  double hter;             // at that threshold; equals eer
  double tpr_at_fpr_1pct;  // last point of the thinned ROC with FPR <= .01
  double apcer, bpcer, acer, accuracy;  // at .5
};
FasFigures fas_figures(std::span<const int> labels, std::span<const double> scores);

struct PaperFigures {
  double auc, eer, balanced_accuracy, average_precision;  // frames
  double video_auc, video_eer;                            // mean score of each video
  FasFigures fas;                                         // on the scores as given
};
// Everything in the reference file metrics.json of one score set; fields carry its names.
PaperFigures paper_figures(std::span<const int> labels, std::span<const double> scores,
                           std::span<const std::string> videos);

}  // namespace fsfm::metrics
