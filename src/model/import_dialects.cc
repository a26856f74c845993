#include "model/import_dialects.h"

#include <span>
#include <string_view>
#include <utility>

namespace fsfm {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr Pair kHuggingFaceOuter[] = {{"embeddings.cls_token", "cls_token"},
                                      {"embeddings.mask_token", "mask_token"},
                                      {"embeddings.position_embeddings", "pos_embed"},
                                      {"embeddings.distillation_token", "dist_token"},
                                      {"embeddings.patch_embeddings.projection.", "patch_embed.proj."},
                                      {"layernorm.", "norm."}};
constexpr Pair kHuggingFaceBlock[] = {
    {"layernorm_before.", "norm1."},           {"layernorm_after.", "norm2."},
    {"attention.attention.query.", "attn.q."}, {"attention.attention.key.", "attn.k."},
    {"attention.attention.value.", "attn.v."}, {"attention.output.dense.", "attn.proj."},
    {"intermediate.dense.", "mlp.fc1."},       {"output.dense.", "mlp.fc2."}};
constexpr Pair kTorchvisionOuter[] = {{"class_token", "cls_token"},
                                      {"conv_proj.", "patch_embed.proj."},
                                      {"encoder.pos_embedding", "pos_embed"},
                                      {"encoder.ln.", "norm."}};
constexpr Pair kTorchvisionBlock[] = {{"ln_1.", "norm1."},
                                      {"ln_2.", "norm2."},
                                      {"self_attention.in_proj_", "attn.qkv."},
                                      {"self_attention.out_proj.", "attn.proj."},
                                      {"mlp.0.", "mlp.fc1."},
                                      {"mlp.3.", "mlp.fc2."},
                                      {"mlp.linear_1.", "mlp.fc1."},
                                      {"mlp.linear_2.", "mlp.fc2."}};

std::string exchange(const std::string& name, std::span<const Pair> pairs) {
  for (const auto& [theirs, ours] : pairs)
    if (name.starts_with(theirs) && (theirs.ends_with('.') || theirs.ends_with('_') || name.size() == theirs.size()))
      return std::string(ours) + name.substr(theirs.size());
  return name;
}

std::string translate(const std::string& name, std::string_view blocks, std::span<const Pair> outer,
                      std::span<const Pair> inner) {
  if (!name.starts_with(blocks)) return exchange(name, outer);
  const size_t dot = name.find('.', blocks.size());
  if (dot == std::string::npos) return name;
  const std::string number = name.substr(blocks.size(), dot - blocks.size()), part = name.substr(dot + 1);
  const std::string ours = exchange(part, inner);
  return ours == part ? name : "blocks." + number + "." + ours;
}

}  // namespace

std::string from_huggingface(const std::string& name) {
  return translate(name, "encoder.layer.", kHuggingFaceOuter, kHuggingFaceBlock);
}

std::string from_torchvision(const std::string& name) {
  return translate(name, "encoder.layers.encoder_layer_", kTorchvisionOuter, kTorchvisionBlock);
}

}  // namespace fsfm
