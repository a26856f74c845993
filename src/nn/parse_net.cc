#include "nn/parse_net.h"

#include "base/error.h"

namespace fsfm {
namespace {

torch::Tensor upsample2(const torch::Tensor& x) {
  return torch::upsample_bilinear2d(x, {x.size(2) * 2, x.size(3) * 2}, /*align_corners=*/false);
}

}  // namespace

ConvNormImpl::ConvNormImpl(int in, int out, int kernel, int stride, bool relu) : relu(relu) {
  conv = register_module(
      "conv",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false)));
  bn = register_module("bn", torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(out).momentum(0.05)));
  torch::nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
}

torch::Tensor ConvNormImpl::forward(const torch::Tensor& x) {
  auto y = bn(conv(x));
  return relu ? y.relu_() : y;
}

ParseNetImpl::ParseNetImpl(const ParseNetConfig& config) : config(config) {
  for (const auto& shape : parse_net_layers(config)) {
    if (shape.name == "head") {
      head_ = register_module("head", torch::nn::Conv2d(torch::nn::Conv2dOptions(shape.in, shape.out, 1)));
      continue;
    }
    ConvNorm layer(shape.in, shape.out, shape.kernel, shape.stride, shape.relu);
    // A residual branch that starts at zero lets the block begin as the identity.
    if (shape.name.ends_with("_b")) torch::nn::init::zeros_(layer->bn->weight);
    layers_.emplace_back(shape.name, register_module(shape.name, layer));
  }
}

ConvNorm& ParseNetImpl::layer(const std::string& name) {
  for (auto& [key, layer] : layers_) {
    if (key == name) return layer;
  }
  throw InternalError("no such layer: " + name);
}

torch::Tensor ParseNetImpl::forward(const torch::Tensor& images) {
  std::array<torch::Tensor, kParseNetLevels> features;
  torch::Tensor x = images;
  for (int i = 0; i < kParseNetLevels; ++i) {
    x = layer(i == 0 ? "stem" : "down" + std::to_string(i))(x);
    for (int j = 0; j < config.blocks[i]; ++j) {
      const std::string block = "block" + std::to_string(i) + "_" + std::to_string(j);
      x = (x + layer(block + "_b")(layer(block + "_a")(x))).relu_();
    }
    features[i] = x;
  }
  for (int i = kParseNetLevels - 2; i >= 0; --i) {
    const std::string level = std::to_string(i);
    x = (upsample2(layer("lateral" + level)(x)) + layer("skip" + level)(features[i])).relu_();
    x = layer("fuse" + level)(x);
  }
  return head_(x);
}

std::vector<std::pair<std::string, torch::Tensor>> ParseNetImpl::folded_weights() const {
  torch::NoGradGuard no_grad;
  std::vector<std::pair<std::string, torch::Tensor>> weights;
  for (const auto& [name, layer] : layers_) {
    const auto& bn = layer->bn;
    const auto scale = bn->weight / (bn->running_var + bn->options.eps()).sqrt();  // [O]
    weights.emplace_back(name + ".weight", (layer->conv->weight * scale.view({-1, 1, 1, 1})).contiguous());
    weights.emplace_back(name + ".bias", (bn->bias - bn->running_mean * scale).contiguous());
  }
  weights.emplace_back("head.weight", head_->weight.detach().contiguous());
  weights.emplace_back("head.bias", head_->bias.detach().contiguous());
  return weights;
}

}  // namespace fsfm
