// The face-segmentation network in libtorch: what train-parser learns and engine/conv_net.h runs without libtorch.
#pragma once

#include <torch/torch.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "model/parse_net_config.h"

namespace fsfm {

// Convolution without bias, batch norm, optional ReLU. Parameters: conv.weight,
// bn.{weight,bias,running_mean,running_var}.
struct ConvNormImpl : torch::nn::Module {
  ConvNormImpl(int in, int out, int kernel, int stride, bool relu);
  torch::Tensor forward(const torch::Tensor& x);

  torch::nn::Conv2d conv{nullptr};
  torch::nn::BatchNorm2d bn{nullptr};
  bool relu;
};
TORCH_MODULE(ConvNorm);

// A U-Net whose encoder is a small residual network. Modules, level i working at stride 2^(i+1):
//   encoder:  stem | down{1..4}, block{i}_{j}_a, block{i}_{j}_b      (x = relu(x + b(a(x))))
//   decoder:  lateral{3..0} (1x1, from below), skip{i} (1x1, from the encoder), fuse{i} (3x3 on relu(up2(lateral) +
//   skip)) head:     1x1 convolution with bias to the classes, at stride 2
// Threads and ownership: as every module of nn/ (nn/vit.h).
struct ParseNetImpl : torch::nn::Module {
  explicit ParseNetImpl(const ParseNetConfig& config);
  // images [B,3,S,S], S a multiple of 32 -> logits [B, classes, S/2, S/2].
  torch::Tensor forward(const torch::Tensor& images);
  // Batch norm folded into the convolutions: "NAME.weight" [O,I,k,k] and "NAME.bias" [O], float32 on the CPU, in the
  // order of parse_net_layers(config).
  std::vector<std::pair<std::string, torch::Tensor>> folded_weights() const;

  ParseNetConfig config;

 private:
  ConvNorm& layer(const std::string& name);
  std::vector<std::pair<std::string, ConvNorm>> layers_;
  torch::nn::Conv2d head_{nullptr};
};
TORCH_MODULE(ParseNet);

}  // namespace fsfm
