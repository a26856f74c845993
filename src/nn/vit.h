// The plain vision transformer of timm 0.4, in libtorch, with timm's parameter names.
#pragma once

#include <string>
#include <vector>

#include <torch/torch.h>

#include <nlohmann/json.hpp>

namespace fsfm {

// Names and meaning of timm's VisionTransformer arguments.
struct VitConfig {
  int img_size = 224, patch_size = 16, embed_dim = 768, depth = 12, num_heads = 12;
  double mlp_ratio = 4.0;
  int num_classes = 0;               // 0 = no head
  std::string global_pool = "avg";   // "avg": fc_norm(mean of patch tokens); "token": norm, class token; "fas": method.md section 4
  double drop_path = 0.0;            // of the last block; rises linearly from 0

  int grid() const { return img_size / patch_size; }
  int patches() const { return grid() * grid(); }
  static VitConfig named(const std::string& model);  // tiny|small|base|large|huge; throws Error listing the names
  nlohmann::json to_json() const;
  static VitConfig from_json(const nlohmann::json& json);
};

// Fixed 2-D sin-cos table [1, 1 + grid*grid, dim], row 0 (class token) zero; as MAE builds it.
torch::Tensor sincos_positions(int dim, int grid);
// Position table of one grid resized to another (bicubic, align_corners false), class-token row kept.
torch::Tensor resize_positions(const torch::Tensor& table, int new_grid);

// Pre-norm block: x += proj(attention(norm1 x)); x += mlp(norm2 x). Parameter names: norm1, attn.qkv, attn.proj, norm2, mlp.fc1, mlp.fc2.
struct BlockImpl : torch::nn::Module {
  BlockImpl(int dim, int heads, double mlp_ratio, double drop_path = 0.0);
  torch::Tensor forward(torch::Tensor x);  // [B,N,D] -> [B,N,D]
  // ... members are the implementer's
};
TORCH_MODULE(Block);

// Downstream network: features and logits.
struct VitImpl : torch::nn::Module {
  explicit VitImpl(const VitConfig& config);
  torch::Tensor forward_tokens(const torch::Tensor& images);    // [B,3,S,S] -> [B,1+L,D] after the blocks (no final norm)
  torch::Tensor forward_features(const torch::Tensor& images);  // -> [B,D] pooled and normalised
  torch::Tensor forward(const torch::Tensor& images);           // -> [B,num_classes]
  VitConfig config;
};
TORCH_MODULE(Vit);

}  // namespace fsfm
