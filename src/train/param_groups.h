// Which parameters learn, how fast, and which of them decay.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

namespace fsfm {

// Parameters that share a learning-rate scale and a weight decay. `names` and `params` run in parallel.
struct ParamGroup {
  double lr_scale = 1.0, weight_decay = 0.0;
  std::vector<std::string> names;
  std::vector<torch::Tensor> params;
};

// Pretraining: no decay on 1-D parameters and biases; frozen parameters (requires_grad off: the sin-cos positions) are
// left out. At most two groups, module order kept inside each.
std::vector<ParamGroup> decay_groups(const torch::nn::Module& module, double weight_decay);

// Fine-tuning: the learning rate of layer l is scaled by layer_decay^(depth + 1 - l), where l is 0 for the embedding
// (cls_token, pos_embed, patch_embed), i + 1 for blocks.i, and depth + 1 for everything behind the blocks. No decay on
// 1-D parameters, biases, cls_token and pos_embed. Frozen parameters are left out.
std::vector<ParamGroup> layer_decay_groups(const torch::nn::Module& module, int depth, double weight_decay,
                                           double layer_decay);

// The layer of a parameter of timm's ViT, as defined above.
int layer_of(const std::string& name, int depth);

}  // namespace fsfm
