#include "nn/losses.h"

#include "base/error.h"

namespace fsfm {
namespace {

namespace F = torch::nn::functional;

constexpr double kTemperature = 0.1;  // of the three contrastive losses

// Each row should find its partner among all columns: cross entropy of the similarities, scaled by 2T as MoCo v3 does.
torch::Tensor contrastive(const torch::Tensor& queries, const torch::Tensor& keys) {
  const auto logits = torch::mm(queries, keys.t()) / kTemperature;  // [B,B]
  const auto partner = torch::arange(logits.size(0), torch::dtype(torch::kInt64).device(logits.device()));
  return F::cross_entropy(logits, partner) * (2.0 * kTemperature);
}

// NT-Xent over both views: each of the 2B rows finds its partner among the 2B - 1 others.
torch::Tensor nt_xent(const torch::Tensor& a, const torch::Tensor& b) {
  const int64_t batch = a.size(0);
  const auto views = torch::cat({a, b});  // [2B,P]
  const auto self = torch::eye(2 * batch, torch::dtype(torch::kBool).device(a.device()));
  const auto logits =
      (torch::mm(views, views.t()) / kTemperature).masked_fill(self, -std::numeric_limits<float>::infinity());
  const auto index = torch::arange(batch, torch::dtype(torch::kInt64).device(a.device()));
  return F::cross_entropy(logits, torch::cat({index + batch, index}));
}

}  // namespace

torch::Tensor patchify(const torch::Tensor& images, int patch) {
  const int64_t rows = images.size(2) / patch, columns = images.size(3) / patch;
  return images.reshape({images.size(0), 3, rows, patch, columns, patch})
      .permute({0, 2, 4, 3, 5, 1})  // [B,h,w,p,p,3]
      .reshape({images.size(0), rows * columns, int64_t{patch} * patch * 3});
}

torch::Tensor unpatchify(const torch::Tensor& patches, int patch) {
  const int64_t batch = patches.size(0);
  const auto grid = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(patches.size(1)))));
  return patches.reshape({batch, grid, grid, patch, patch, 3})
      .permute({0, 5, 1, 3, 2, 4})  // [B,3,h,p,w,p]
      .reshape({batch, 3, grid * patch, grid * patch});
}

ReconstructionLoss reconstruction_loss(const torch::Tensor& pred, const torch::Tensor& images, const MaskIndices& mask,
                                       int patch, bool norm_pix) {
  const int64_t batch = images.size(0), p = patch, rows = images.size(2) / p, columns = images.size(3) / p;
  // Only the hidden patches are gathered: [B,M,p,p,3] -> [B,M,p*p*3].
  const auto image = torch::arange(batch, mask.hidden.options()).unsqueeze(1);
  auto target = images.view({batch, 3, rows, p, columns, p})
                    .permute({0, 2, 4, 3, 5, 1})
                    .index({image, mask.hidden.div(columns, "floor"), mask.hidden.remainder(columns)})
                    .flatten(2);
  if (norm_pix) {
    const auto mean = target.mean(-1, /*keepdim=*/true);
    const auto variance = target.var(/*dim=*/{-1}, /*unbiased=*/true, /*keepdim=*/true);
    target = (target - mean) / (variance + 1e-6).sqrt();
  }
  const auto per_patch = (pred.to(torch::kFloat) - target).square().mean(-1);  // [B,M]
  // Dividing by at least one keeps the loss of a batch without a region at zero instead of NaN.
  return {per_patch.mean(), (per_patch * mask.region).sum() / mask.region.sum().clamp_min(1.0)};
}

SimilarityLoss parse_similarity_loss(const std::string& name) {
  if (name == "simsiam") return SimilarityLoss::simsiam;
  if (name == "byol") return SimilarityLoss::byol;
  if (name == "infonce") return SimilarityLoss::infonce;
  if (name == "mocov3") return SimilarityLoss::mocov3;
  if (name == "simclr") return SimilarityLoss::simclr;
  throw Error("unknown similarity loss '" + name + "'", "choose simsiam, byol, infonce, mocov3 or simclr");
}

bool compares_faces(SimilarityLoss kind) {
  return kind == SimilarityLoss::infonce || kind == SimilarityLoss::mocov3 || kind == SimilarityLoss::simclr;
}

torch::Tensor similarity_loss(SimilarityLoss kind, const torch::Tensor& online, const torch::Tensor& target) {
  const auto q = F::normalize(online.to(torch::kFloat)), k = F::normalize(target.to(torch::kFloat));  // [B,P]
  switch (kind) {
    case SimilarityLoss::simsiam:
      return (q * k).sum(-1).mean() * -0.5;
    case SimilarityLoss::byol:
      return 2.0 - 2.0 * (q * k).sum(-1).mean();
    case SimilarityLoss::infonce:
    case SimilarityLoss::mocov3:
      return contrastive(q, k);
    case SimilarityLoss::simclr:
      return nt_xent(q, k);
  }
  throw InternalError("unknown similarity loss");
}

}  // namespace fsfm
