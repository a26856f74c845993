// The anti-spoofing head (method.md section 4): bottleneck, token-axis normalisation, weight-normalised classifier.
#pragma once

#include <torch/torch.h>

namespace fsfm {

inline constexpr int kFasBottleneck = 512;

// Parameter names: bottleneck.{weight,bias}, classifier.{weight,bias}.
// Threads and ownership: as every module of nn/ (nn/vit.h).
struct FasHeadImpl : torch::nn::Module {
  FasHeadImpl(int dim, int classes = 2);
  // tokens [B,1+L,D], token 0 = the normalised global pool -> [B,1+L,512]: dropout .5 in training mode, then each
  // channel is divided by sqrt(2 * its L2 norm over the tokens of an image).
  torch::Tensor features(const torch::Tensor& tokens);
  // Features -> logits, same leading shape; the classifier's weight has unit columns.
  torch::Tensor classify(const torch::Tensor& features);
  torch::Tensor forward(const torch::Tensor& tokens);  // logits of token 0: [B,classes]

  torch::nn::Linear bottleneck{nullptr}, classifier{nullptr};
};
TORCH_MODULE(FasHead);

}  // namespace fsfm
