// Networks for benches: speed does not depend on what the weights are.
#pragma once

#include <map>
#include <string>

#include "base/rng.h"
#include "model/vit_config.h"
#include "tensorio/safetensors.h"

namespace fsfm::cli {

// Random weights under the names of a plain transformer with two classes.
class RandomVit {
 public:
  explicit RandomVit(const VitConfig& v) {
    Rng rng(1);
    const int64_t d = v.embed_dim, h = v.mlp_hidden(), p = v.patch_size;
    put("patch_embed.proj.weight", {d, 3, p, p}, rng);
    put("patch_embed.proj.bias", {d}, rng);
    put("cls_token", {1, 1, d}, rng);
    put("pos_embed", {1, v.tokens(), d}, rng);
    for (int i = 0; i < v.depth; ++i) {
      const std::string block = "blocks." + std::to_string(i) + ".";
      for (const char* norm : {"norm1", "norm2"}) {
        put(block + norm + ".weight", {d}, rng);
        put(block + norm + ".bias", {d}, rng);
      }
      const auto layer = [&](const char* name, int64_t outputs, int64_t inputs) {
        put(block + name + ".weight", {outputs, inputs}, rng);
        put(block + name + ".bias", {outputs}, rng);
      };
      layer("attn.qkv", 3 * d, d);
      layer("attn.proj", d, d);
      layer("mlp.fc1", h, d);
      layer("mlp.fc2", d, h);
    }
    put("fc_norm.weight", {d}, rng);
    put("fc_norm.bias", {d}, rng);
    put("head.weight", {2, d}, rng);
    put("head.bias", {2}, rng);
  }
  TensorMap map() const {
    TensorMap views;
    for (const auto& [name, tensor] : tensors_) views.emplace(name, tensor.view());
    return views;
  }

 private:
  void put(const std::string& name, Shape shape, Rng& rng) {
    std::vector<float> values(static_cast<size_t>(element_count(shape)));
    for (float& value : values) value = static_cast<float>(rng.uniform(-0.05, 0.05));
    tensors_[name] = HostTensor::from_floats(std::move(shape), values);
  }
  std::map<std::string, HostTensor> tensors_;
};

}  // namespace fsfm::cli
