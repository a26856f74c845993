#include "train/finetune/mixup.h"

#include <algorithm>
#include <cmath>

namespace fsfm {

torch::Tensor soft_targets(const torch::Tensor& labels, int classes, double smoothing) {
  const double off = smoothing / classes, on = 1.0 - smoothing + off;
  return torch::full({labels.size(0), classes}, off, labels.options().dtype(torch::kFloat))
      .scatter_(1, labels.unsqueeze(1), on);
}

torch::Tensor mix_batch(torch::Tensor& images, const torch::Tensor& labels, int classes, const MixupOptions& options,
                        Rng& rng) {
  torch::NoGradGuard no_grad;
  const auto targets = soft_targets(labels, classes, options.label_smoothing);
  if (!options.enabled()) return targets;
  const bool cut = options.cutmix_alpha > 0 && (options.mixup_alpha <= 0 || rng.chance(0.5));
  const double alpha = cut ? options.cutmix_alpha : options.mixup_alpha;
  double share = rng.beta(alpha, alpha);  // of the picture itself
  const auto partners = images.flip(0);
  if (cut) {
    const auto side = static_cast<int>(images.size(2));
    const double ratio = std::sqrt(1.0 - share);
    const int length = static_cast<int>(side * ratio);
    const int cy = static_cast<int>(rng.below(static_cast<uint32_t>(side))),
              cx = static_cast<int>(rng.below(static_cast<uint32_t>(side)));
    const int top = std::clamp(cy - length / 2, 0, side), bottom = std::clamp(cy + length / 2, 0, side);
    const int left = std::clamp(cx - length / 2, 0, side), right = std::clamp(cx + length / 2, 0, side);
    images.slice(2, top, bottom).slice(3, left, right).copy_(partners.slice(2, top, bottom).slice(3, left, right));
    share = 1.0 -
            static_cast<double>(bottom - top) * (right - left) / (static_cast<double>(side) * side);  // of what was cut
  } else {
    images.mul_(share).add_(partners, 1.0 - share);
  }
  return targets * share + targets.flip(0) * (1.0 - share);
}

torch::Tensor soft_cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets) {
  return -(targets * torch::log_softmax(logits, -1)).sum(-1).mean();
}

}  // namespace fsfm
