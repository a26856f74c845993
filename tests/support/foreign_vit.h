// Small random vision transformers in our names, and the same networks as other libraries would write them.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm::test {

// Parameters by name, owned.
struct OwnTensors {
  std::map<std::string, HostTensor> tensors;

  TensorMap view() const;
  void put(const std::string& name, Shape shape, const std::vector<float>& values);
  void put_filled(const std::string& name, Shape shape, float value);
  // Every name through `rename`.
  OwnTensors renamed(const std::function<std::string(const std::string&)>& rename) const;
  OwnTensors under(const std::string& prefix) const;
  OwnTensors with(const OwnTensors& more) const;  // those of both; `more` wins
};

struct VitSpec {
  int dim = 48, depth = 2, patch = 16, grid = 2, classes = 2;
  bool fc_norm = true;  // pooled over the patches; else `norm` on the class token
  uint64_t seed = 1;
};

OwnTensors random_vit(const VitSpec& spec = {});
// transformers' ViTForImageClassification: queries, keys and values apart; `prefix` e.g. "vit." (the head has none).
OwnTensors as_huggingface(const OwnTensors& ours, const std::string& prefix = "vit.");
OwnTensors as_torchvision(const OwnTensors& ours);
// The same function with layer scales: what follows a scale is divided by it.
OwnTensors with_layer_scale(const OwnTensors& ours, const std::string& first = "ls1.gamma",
                            const std::string& second = "ls2.gamma");

void write_safetensors(const std::filesystem::path& path, const OwnTensors& tensors);
// As torch.save writes them: "model::cls_token" lies in the dict under "model". `extra`: further entries of the
// root, as pickle code (support/pth_writer.h).
void write_pth(const std::filesystem::path& path, const OwnTensors& tensors,
               const std::vector<std::pair<std::string, std::string>>& extra = {}, bool deflate = false);

// A picture's worth of normalised random numbers for a network of this size.
std::vector<float> random_images(int count, int side, uint64_t seed = 5);

}  // namespace fsfm::test
