// The pretraining networks of FSFM: online (learns) and target (its moving average). method.md section 3.
#pragma once

#include <optional>

#include <torch/torch.h>

#include "nn/vit.h"

namespace fsfm {

struct FsfmConfig {
  VitConfig encoder;
  int decoder_embed_dim = 512, decoder_depth = 8, decoder_num_heads = 16;
  int rep_decoder_embed_dim = 0;       // 0 = encoder width
  int rep_decoder_depth = 2, rep_decoder_num_heads = 16;
  int projection_size = 256, projection_hidden_size = 4096;

  static FsfmConfig named(const std::string& model);   // decoder heads chosen to divide the width for every size
  nlohmann::json to_json() const;
  static FsfmConfig from_json(const nlohmann::json& json);
};

// Patch indices made from masks on the host, so that nothing is sorted on the device. Both ascending in each row.
struct MaskIndices {
  torch::Tensor visible;   // [B,V] int64
  torch::Tensor hidden;    // [B,M] int64, V + M = L
  torch::Tensor region;    // [B,M] float, 1 where the hidden patch lies in M_fr
  // masked, region: [B*L] bytes, every row with the same number of hidden patches (throws Error otherwise).
  static MaskIndices from_masks(std::span<const uint8_t> masked, std::span<const uint8_t> region, int batch, int patches);
};

struct OnlineOutput {
  torch::Tensor latent;      // [B,1+V,D] encoder output after norm
  torch::Tensor rep;         // [B,1+L,D] rep decoder output
  torch::Tensor projection;  // [B,P] projector
  torch::Tensor feature;     // [B,P] predictor(projector)
  torch::Tensor pred;        // [B,M,patch*patch*3] pixels of the hidden patches, in MaskIndices order
};

struct FsfmOnlineImpl : torch::nn::Module {
  explicit FsfmOnlineImpl(const FsfmConfig& config);
  OnlineOutput forward(const torch::Tensor& images, const MaskIndices& mask);
  torch::Tensor predict_all(const torch::Tensor& images, const MaskIndices& mask);  // [B,L,768], for pictures and checks
  FsfmConfig config;
};
TORCH_MODULE(FsfmOnline);

struct FsfmTargetImpl : torch::nn::Module {
  explicit FsfmTargetImpl(const FsfmConfig& config);
  torch::Tensor forward(const torch::Tensor& images);   // [B,P], full view, no gradient
  FsfmConfig config;
};
TORCH_MODULE(FsfmTarget);

// target parameters and buffers <- online's of the same name (those that exist in both).
void copy_shared(const FsfmOnline& online, FsfmTarget& target);
// target <- momentum * target + (1 - momentum) * online, by name, in one sweep; every target parameter must have a partner.
void ema_update(const FsfmOnline& online, FsfmTarget& target, double momentum);

}  // namespace fsfm
