// From a network's answer to an honest word: real, attack, or "cannot tell" with the reason.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "face/face.h"
#include "model/model_file.h"

namespace fsfm {

enum class VerdictKind { real, attack, inconclusive };
const char* verdict_name(VerdictKind kind);

struct Judgement {
  VerdictKind verdict = VerdictKind::inconclusive;
  std::string why;  // one line: the threshold used, or the reason to abstain
};

// Faces below these limits get a score but no verdict.
struct QualityLimits {
  double min_face = 48;  // pixels, shorter side of the detector's box
  double min_blur = 20;  // Face::blur
  double max_yaw = 60;   // degrees to either side
};

// The card's threshold; 0.5 when it names none.
double decision_threshold(const ModelCard& card);
// Throws Error when a network's answer holds NaN or infinity: every comparison with NaN would say "real".
void require_finite(std::span<const float> logits);

// Why this face is not fit for a verdict; "" if it is.
std::string quality_problem(const Face& face, const QualityLimits& limits);
// The verdict on a score by threshold and abstain range alone.
Judgement judge_score(double score, const ModelCard& card);

}  // namespace fsfm
