// How fresh weights are drawn: MAE's way for pretraining, timm's for downstream networks. Uses torch's global
// generator.
#pragma once

#include <torch/torch.h>

namespace fsfm::init {

// Normal with the given deviation, cut at +-2 (absolute, as timm cuts it).
void trunc_normal_(torch::Tensor tensor, double std = 0.02);

// Every Linear below `module`: Xavier-uniform weight, zero bias; every LayerNorm: one and zero.
void mae_layers_(torch::nn::Module& module);
// The convolution of a patch embedding, drawn like the Linear it is; bias zero.
void mae_patch_embed_(torch::nn::Conv2d& proj);

// Every Linear below `module`: truncated normal .02, zero bias; every LayerNorm: one and zero.
void timm_layers_(torch::nn::Module& module);

}  // namespace fsfm::init
