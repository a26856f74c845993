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

const char* reason_name(Reason reason) {
  switch (reason) {
    case Reason::below_threshold:
      return "below_threshold";
    case Reason::above_threshold:
      return "above_threshold";
    case Reason::doubt_band:
      return "doubt_band";
    case Reason::too_small:
      return "too_small";
    case Reason::blurred:
      return "blurred";
    case Reason::turned_away:
      return "turned_away";
    case Reason::dark:
      return "dark";
    case Reason::overexposed:
      return "overexposed";
    case Reason::covered:
      return "covered";
    case Reason::poor_frames:
      return "poor_frames";
    case Reason::no_face:
      return "no_face";
    default:
      return "interrupted";
  }
}

bool is_quality_reason(Reason reason) { return reason >= Reason::too_small && reason <= Reason::covered; }

double decision_threshold(const ModelCard& card) { return card.threshold.value_or(0.5); }

void require_finite(std::span<const float> logits) {
  if (!std::all_of(logits.begin(), logits.end(), [](float logit) { return std::isfinite(logit); }))
    throw Error("the network's answer is not a number", "the model file is damaged, or its training diverged");
}

std::optional<Judgement> quality_problem(const Face& face, const FaceLight& light,
                                         const std::optional<double>& face_parts, const QualityLimits& limits) {
  const auto unfit = [](Reason reason, std::string why) {
    return Judgement{VerdictKind::inconclusive, reason, std::move(why)};
  };
  const int side = std::min(face.box.width, face.box.height);
  if (side < limits.min_face)
    return unfit(Reason::too_small,
                 fmt::format("the face is small: {} pixels, {:.0f} are needed", side, limits.min_face));
  if (light.bright < limits.min_light)
    return unfit(Reason::dark, fmt::format("the face is dark: its light parts reach {:.0f} of 255, {:.0f} is needed",
                                           light.bright, limits.min_light));
  if (light.blown_out > limits.max_blown_out)
    return unfit(Reason::overexposed,
                 fmt::format("the face is blown out: {:.0f} % of it is white, at most {:.0f} % can be judged",
                             100 * light.blown_out, 100 * limits.max_blown_out));
  if (face.blur < limits.min_blur)
    return unfit(Reason::blurred,
                 fmt::format("the face is blurred: sharpness {:.0f}, {:.0f} is needed", face.blur, limits.min_blur));
  if (std::fabs(face.yaw) > limits.max_yaw)
    return unfit(Reason::turned_away,
                 fmt::format("the face is turned away: {:.0f} degrees, at most {:.0f} can be judged",
                             std::fabs(face.yaw), limits.max_yaw));
  if (face_parts && *face_parts < limits.min_face_parts)
    return unfit(Reason::covered, fmt::format("the face is covered: {:.0f} % of its middle is seen, {:.0f} % is needed",
                                              100 * *face_parts, 100 * limits.min_face_parts));
  return std::nullopt;
}

Judgement judge_score(double score, const ModelCard& card) {
  if (card.abstain && score > (*card.abstain)[0] && score < (*card.abstain)[1])
    return {VerdictKind::inconclusive, Reason::doubt_band,
            fmt::format("P(attack) {:.3f} lies in the model's undecided range {:.3f} to {:.3f}", score,
                        (*card.abstain)[0], (*card.abstain)[1])};
  const double threshold = decision_threshold(card);
  const bool attack = score >= threshold;
  return {attack ? VerdictKind::attack : VerdictKind::real, attack ? Reason::above_threshold : Reason::below_threshold,
          fmt::format("P(attack) {:.3f} {} the threshold {:.3f}{}", score, attack ? "reaches" : "is below", threshold,
                      card.threshold ? "" : " (the model's card names none)")};
}

}  // namespace fsfm
