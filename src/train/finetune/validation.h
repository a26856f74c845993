// How a detector does on a whole validation set, and the threshold and temperature that follow from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/batch/eval_batch.h"
#include "detect/operating_point.h"
#include "train/finetune/detector.h"
#include "train/finetune/finetune_data.h"

namespace fsfm {

// Over every sample that can be read once: exact, not a mean over batches.
struct ValidationReport {
  double loss = 0;                // cross entropy without smoothing
  double accuracy = 0;            // share of samples whose likeliest class is right
  double auc = 0, video_auc = 0;  // of P(attack), frames and mean over each video; NaN when a class is absent
  std::vector<float> logits;      // [N, classes], in dataset order
  std::vector<int> attack;        // [N] 1 = attack
  size_t unreadable = 0;          // samples left out because they cannot be read
};

// What cannot be read is left out and noted in `unreadable`; without one it is an Error, and so is a set of which
// nothing can be read.
ValidationReport validate(DetectorLearner& detector, const LabelledData& data, const EvalBatchOptions& batch,
                          const std::vector<uint8_t>& is_attack, int batch_size, int workers,
                          UnreadableSamples* unreadable = nullptr);

// What was fitted on a validation report, and how good it is at that temperature.
struct FittedPoint {
  OperatingPoint point;
  double eer, ece;
};
// nullopt when the report lacks one of the two classes.
std::optional<FittedPoint> fit_point(const ValidationReport& report, const std::vector<uint8_t>& is_attack,
                                     const std::string& data_name);

}  // namespace fsfm
