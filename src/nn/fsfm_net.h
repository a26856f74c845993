// The pretraining networks of FSFM: online (learns) and target (its moving average). method.md section 3.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <string>

#include "model/fsfm_config.h"
#include "nn/vit.h"

namespace fsfm {

// Patch indices made from masks on the host, so that nothing is sorted on the device. Both ascending in each row.
struct MaskIndices {
  torch::Tensor visible;  // [B,V] int64
  torch::Tensor hidden;   // [B,M] int64, V + M = L
  torch::Tensor region;   // [B,M] float, 1 where the hidden patch lies in M_fr
  // masked, region: [B*L] bytes, every row with the same number of hidden patches (throws Error otherwise).
  static MaskIndices from_masks(std::span<const uint8_t> masked, std::span<const uint8_t> region, int batch,
                                int patches);
  MaskIndices to(torch::Device device) const;
};

struct OnlineOutput {
  torch::Tensor latent;      // [B,1+V,D] encoder output after norm
  torch::Tensor rep;         // [B,1+L,D] rep decoder output
  torch::Tensor projection;  // [B,P] projector
  torch::Tensor feature;     // [B,P] predictor(projector)
  torch::Tensor pred;        // [B,M,patch*patch*3] pixels of the hidden patches, in MaskIndices order
};

// Linear, LayerNorm, ReLU, Linear; parameter names projection_head.{0,1,3}.
struct ProjectionHeadImpl : torch::nn::Module {
  ProjectionHeadImpl(int in, int hidden, int out);
  torch::Tensor forward(const torch::Tensor& x);  // [B,in] -> [B,out], float

 private:
  torch::nn::Linear first_{nullptr}, last_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(ProjectionHead);

// What online and target have in common: encoder, rep decoder, projector.
// Threads and ownership: as every module of nn/ (nn/vit.h).
struct FsfmTrunkImpl : torch::nn::Module {
  FsfmConfig config;

 protected:
  explicit FsfmTrunkImpl(const FsfmConfig& config);
  void register_encoder();
  void register_rep_decoder();
  // keep [B,V] or undefined (all patches) -> [B,1+V,D], normalised.
  torch::Tensor encode(const torch::Tensor& images, const torch::Tensor& keep);
  // tokens [B,1+V,W] with visible [B,V], and one token [1,1,W] for every other patch -> [B,1+L,W].
  torch::Tensor fill_hidden(const torch::Tensor& tokens, const torch::Tensor& mask_token,
                            const torch::Tensor& visible) const;
  torch::Tensor rep_decode(torch::Tensor latent, const torch::Tensor& visible);  // -> [B,1+L,D]

  torch::Tensor cls_token_, pos_embed_, mask_token_, rep_decoder_pos_embed_;
  PatchEmbed patch_embed_{nullptr};
  torch::nn::ModuleList blocks_{nullptr}, rep_decoder_blocks_{nullptr};
  torch::nn::LayerNorm norm_{nullptr}, rep_decoder_norm_{nullptr};
  torch::nn::Linear rep_decoder_embed_{nullptr}, rep_decoder_pred_{nullptr};
  ProjectionHead projector_{nullptr};
};

struct FsfmOnlineImpl : FsfmTrunkImpl {
  explicit FsfmOnlineImpl(const FsfmConfig& config);
  // images [B,3,S,S] normalised. Throws Error when images or mask do not fit the configuration.
  // Without `with_rep` (a run without L_sim) the rep decoder and its heads are not run: rep, projection, feature
  // undefined.
  OnlineOutput forward(const torch::Tensor& images, const MaskIndices& mask, bool with_rep = true);
  torch::Tensor predict_all(const torch::Tensor& images,
                            const MaskIndices& mask);  // [B,L,768], for pictures and checks

 private:
  // Pixels of the patches `wanted` [B,W] (all when undefined).
  torch::Tensor decode_pixels(const torch::Tensor& latent, const torch::Tensor& visible, const torch::Tensor& wanted);

  torch::Tensor decoder_pos_embed_;
  ProjectionHead predictor_{nullptr};
  torch::nn::Linear decoder_embed_{nullptr}, decoder_pred_{nullptr};
  torch::nn::ModuleList decoder_blocks_{nullptr};
  torch::nn::LayerNorm decoder_norm_{nullptr};
};
TORCH_MODULE(FsfmOnline);

struct FsfmTargetImpl : FsfmTrunkImpl {
  explicit FsfmTargetImpl(const FsfmConfig& config);
  torch::Tensor forward(const torch::Tensor& images);  // [B,P], full view, no gradient
};
TORCH_MODULE(FsfmTarget);

// target parameters and buffers <- online's of the same name (those that exist in both).
void copy_shared(const FsfmOnline& online, FsfmTarget& target);
// target <- momentum * target + (1 - momentum) * online, by name, in one sweep; every target parameter must have a
// partner.
void ema_update(const FsfmOnline& online, FsfmTarget& target, double momentum);

}  // namespace fsfm
