#include "engine/vit_heads.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/packed_linear.h"

namespace fsfm {
namespace {

// Few rows and few outputs: a packed product would only cost set-up.
void small_linear(const float* x, const std::vector<float>& weight, const std::vector<float>& bias, int inputs,
                  int outputs, float* y) {
  for (int o = 0; o < outputs; ++o) {
    double sum = bias.empty() ? 0.0 : bias[o];
    for (int i = 0; i < inputs; ++i) sum += static_cast<double>(x[i]) * weight[static_cast<size_t>(o) * inputs + i];
    y[o] = static_cast<float>(sum);
  }
}

void relu(std::vector<float>& values) {
  for (float& v : values) v = std::max(v, 0.0f);
}

class LinearHead : public VitHead {
 public:
  LinearHead(const TensorMap& tensors, const VitConfig& layout)
      : dim_(layout.embed_dim),
        classes_(layout.num_classes),
        weight_(tensors.at("head.weight").to_float()),
        bias_(tensors.at("head.bias").to_float()) {
    if (!layout.adapter) return;
    squeeze_ = tensors.at("adapter.linear1.weight").to_float();
    expand_ = tensors.at("adapter.linear2.weight").to_float();
  }

  std::vector<float> logits(const float* features, const float*, int batch) override {
    std::vector<float> out(static_cast<size_t>(batch) * classes_);
    for (int b = 0; b < batch; ++b) {
      const float* x = features + static_cast<size_t>(b) * dim_;
      std::vector<float> input(x, x + dim_);  // [D], with an adapter [x, adapter(x)]
      if (!squeeze_.empty()) {
        std::vector<float> narrow(squeeze_.size() / dim_), wide(dim_);
        small_linear(x, squeeze_, {}, dim_, static_cast<int>(narrow.size()), narrow.data());
        relu(narrow);
        small_linear(narrow.data(), expand_, {}, static_cast<int>(narrow.size()), dim_, wide.data());
        relu(wide);
        input.insert(input.end(), wide.begin(), wide.end());
      }
      small_linear(input.data(), weight_, bias_, static_cast<int>(input.size()), classes_,
                   &out[static_cast<size_t>(b) * classes_]);
    }
    return out;
  }
  std::unique_ptr<VitHead> for_thread_of(OneDnn&) const override { return std::make_unique<LinearHead>(*this); }

 private:
  int dim_, classes_;
  std::vector<float> weight_, bias_, squeeze_, expand_;
};

// Bottleneck and ReLU on every token; each channel divided by sqrt(2 * its norm over the tokens); classifier with unit
// columns; the answer is token 0, which holds the pooled features.
class FasHead : public VitHead {
 public:
  FasHead(OneDnn& onednn, const TensorMap& tensors, const VitConfig& layout)
      : dim_(layout.embed_dim),
        tokens_(layout.tokens()),
        classes_(layout.num_classes),
        weight_(tensors.at("head.classifier.weight").to_float()),
        bias_(tensors.at("head.classifier.bias").to_float()) {
    const TensorView& bottleneck = tensors.at("head.bottleneck.weight");
    width_ = static_cast<int>(bottleneck.shape[0]);
    bottleneck_ = PackedLinear(onednn, bottleneck.to_float(), tensors.at("head.bottleneck.bias").to_float(), dim_,
                               width_, PackedLinear::Post::relu, tokens_);
    for (int i = 0; i < width_; ++i) {
      double square = 0;
      for (int c = 0; c < classes_; ++c) square += std::pow(weight_[static_cast<size_t>(c) * width_ + i], 2);
      const auto norm = static_cast<float>(std::max(std::sqrt(square), 1e-12));
      for (int c = 0; c < classes_; ++c) weight_[static_cast<size_t>(c) * width_ + i] /= norm;
    }
  }

  std::vector<float> logits(const float* features, const float* tokens, int batch) override {
    std::vector<float> out(static_cast<size_t>(batch) * classes_), input(static_cast<size_t>(tokens_) * dim_),
        hidden(static_cast<size_t>(tokens_) * width_);
    for (int b = 0; b < batch; ++b) {
      const float* image = tokens + static_cast<size_t>(b) * tokens_ * dim_;
      std::copy_n(features + static_cast<size_t>(b) * dim_, dim_, input.begin());
      std::copy(image + dim_, image + input.size(), input.begin() + dim_);
      bottleneck_.run(tokens_, input.data(), hidden.data());
      for (int i = 0; i < width_; ++i) {
        double square = 0;
        for (int t = 0; t < tokens_; ++t) square += std::pow(hidden[static_cast<size_t>(t) * width_ + i], 2);
        const double norm = std::max(std::sqrt(square), 1e-12);  // a channel dead in every token stays zero
        hidden[i] = static_cast<float>(hidden[i] / std::sqrt(2 * norm));
      }
      small_linear(hidden.data(), weight_, bias_, width_, classes_, &out[static_cast<size_t>(b) * classes_]);
    }
    return out;
  }
  std::unique_ptr<VitHead> for_thread_of(OneDnn& onednn) const override {
    auto other = std::make_unique<FasHead>(*this);
    other->bottleneck_ = bottleneck_.for_thread_of(onednn);
    return other;
  }

 private:
  int dim_, tokens_, classes_, width_ = 0;
  std::vector<float> weight_, bias_;
  PackedLinear bottleneck_;
};

}  // namespace

std::unique_ptr<VitHead> make_vit_head(OneDnn& onednn, const TensorMap& tensors, const VitConfig& layout) {
  if (layout.num_classes == 0) return nullptr;
  if (layout.global_pool == "fas") return std::make_unique<FasHead>(onednn, tensors, layout);
  return std::make_unique<LinearHead>(tensors, layout);
}

}  // namespace fsfm
