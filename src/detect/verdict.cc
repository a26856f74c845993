#include "detect/verdict.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace fsfm {

const char* verdict_name(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::real:
      return "real";
    case VerdictKind::attack:
      return "attack";
    default:
      return "inconclusive";
  }
}

double decision_threshold(const ModelCard& card) { return card.threshold.value_or(0.5); }

void require_finite(std::span<const float> logits) {
  if (!std::all_of(logits.begin(), logits.end(), [](float logit) { return std::isfinite(logit); }))
    throw Error("the network's answer is not a number", "the model file is damaged, or its training diverged");
}

std::string quality_problem(const Face& face, const QualityLimits& limits) {
  const int side = std::min(face.box.width, face.box.height);
  if (side < limits.min_face)
    return fmt::format("the face is small: {} pixels, {:.0f} are needed", side, limits.min_face);
  if (face.blur < limits.min_blur)
    return fmt::format("the face is blurred: sharpness {:.0f}, {:.0f} is needed", face.blur, limits.min_blur);
  if (std::fabs(face.yaw) > limits.max_yaw)
    return fmt::format("the face is turned away: {:.0f} degrees, at most {:.0f} can be judged", std::fabs(face.yaw),
                       limits.max_yaw);
  return "";
}

Judgement judge_score(double score, const ModelCard& card) {
  if (card.abstain && score > (*card.abstain)[0] && score < (*card.abstain)[1])
    return {VerdictKind::inconclusive,
            fmt::format("P(attack) {:.3f} lies in the model's undecided range {:.3f} to {:.3f}", score,
                        (*card.abstain)[0], (*card.abstain)[1])};
  const double threshold = decision_threshold(card);
  const bool attack = score >= threshold;
  return {attack ? VerdictKind::attack : VerdictKind::real,
          fmt::format("P(attack) {:.3f} {} the threshold {:.3f}{}", score, attack ? "reaches" : "is below", threshold,
                      card.threshold ? "" : " (the model's card names none)")};
}

}  // namespace fsfm
