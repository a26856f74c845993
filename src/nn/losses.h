// The losses of FSFM (method.md section 3) and of the FS-Adapter (section 4).
#pragma once

#include <torch/torch.h>

#include <string>

#include "nn/fsfm_net.h"

namespace fsfm {

// [B,3,S,S] -> [B,L,patch*patch*3], pixel order (row, column, channel) inside a patch.
torch::Tensor patchify(const torch::Tensor& images, int patch);
torch::Tensor unpatchify(const torch::Tensor& patches, int patch);

struct ReconstructionLoss {
  torch::Tensor masked;  // L_rec: mean over hidden patches
  torch::Tensor region;  // L_region: mean over hidden patches in M_fr (0 when there are none)
};
// pred: [B,M,p*p*3] of the hidden patches; norm_pix: per-patch normalised targets (unbiased variance, eps 1e-6).
ReconstructionLoss reconstruction_loss(const torch::Tensor& pred, const torch::Tensor& images, const MaskIndices& mask,
                                       int patch, bool norm_pix);

enum class SimilarityLoss { simsiam, byol, infonce, mocov3, simclr };
SimilarityLoss parse_similarity_loss(const std::string& name);
// Do the contrastive ones, which need more than one face? Their value depends on the whole batch, not on its mean.
bool compares_faces(SimilarityLoss kind);
// online: predictor output [B,P]; target: projector output of the target [B,P].
torch::Tensor similarity_loss(SimilarityLoss kind, const torch::Tensor& online, const torch::Tensor& target);

}  // namespace fsfm
