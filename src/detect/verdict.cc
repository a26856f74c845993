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

std::vector<double> class_probabilities(std::span<const float> logits, const ModelCard& card) {
  const float top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> out;
  double total = 0;
  for (const float logit : logits)
    total += out.emplace_back(std::exp((static_cast<double>(logit) - top) / card.temperature));
  for (double& p : out) p /= total;
  // A broken network must not turn into a verdict: every comparison with NaN would say "real".
  if (!std::isfinite(total))
    throw Error("the network's answer is not a number", "the model file is damaged, or its training diverged");
  return out;
}

double attack_probability(std::span<const double> per_class, const ModelCard& card) {
  double sum = 0;
  for (size_t c = 0; c < per_class.size(); ++c)
    if (std::find(card.attack_classes.begin(), card.attack_classes.end(), card.classes.at(c)) !=
        card.attack_classes.end())
      sum += per_class[c];
  return std::min(sum, 1.0);
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
