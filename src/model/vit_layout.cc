#include "model/vit_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/tensor_shapes.h"

namespace fsfm {
namespace {

constexpr int64_t kMaxDim = 16384, kMaxTokens = 65536, kMaxClasses = 100'000;

constexpr std::array<std::string_view, 12> kBlockParts = {
    "norm1.weight",     "norm1.bias",     "norm2.weight",   "norm2.bias",   "attn.qkv.weight", "attn.qkv.bias",
    "attn.proj.weight", "attn.proj.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight",  "mlp.fc2.bias"};

// "PREFIX<digits>.<a part of a plain block>"
bool is_block_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  const size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
  if (digits == 0 || digits > 4 || digits == name.size() || name[digits] != '.') return false;
  name.remove_prefix(digits + 1);
  return std::find(kBlockParts.begin(), kBlockParts.end(), name) != kBlockParts.end();
}

template <size_t N>
bool begins_with_one(std::string_view name, const std::array<std::string_view, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return name.starts_with(p); });
}

int heads_of(const VitConfig& v, const nlohmann::json& config) {
  int heads = 0;
  if (const auto stated = config.find("num_heads"); stated != config.end() && stated->is_number_integer()) {
    heads = stated->get<int>();
  } else if (const auto usual = usual_heads(v.embed_dim, v.mlp_hidden())) {
    heads = *usual;
  } else {
    const bool small = v.embed_dim == 384;
    throw Error("the number of attention heads leaves no trace in the weights, and for width " +
                    std::to_string(v.embed_dim) +
                    (small ? " two are in use: 6 (timm, DeiT, DINO) and 12 (MoCo v3, FSFM)" : " none is known"),
                small ? "state it: --num-heads 6 or --num-heads 12" : "state it: --num-heads");
  }
  if (heads < 1 || v.embed_dim % heads != 0)
    throw Error(std::to_string(heads) + " attention heads do not divide the width " + std::to_string(v.embed_dim),
                "state another number: --num-heads");
  return heads;
}

double eps_of(const nlohmann::json& config) {
  const auto stated = config.find("layer_norm_eps");
  if (stated == config.end()) return VitConfig::kLayerNormEps;
  const double eps = stated->is_number() ? stated->get<double>() : 0;
  if (!(eps >= 1e-12 && eps <= 1e-2))
    throw Error(ErrorCode::damaged, "the model card's layer_norm_eps is not in 1e-12..1e-2");
  return eps;
}

void check_activation(const nlohmann::json& config) {
  const auto stated = config.find("act");
  if (stated != config.end() && *stated != "gelu")
    throw Error(ErrorCode::unsupported, "the activation " + stated->dump() + " is not known",
                "networks with gelu can be computed");
}

// Nothing that would change what the network computes is passed over.
void expect_known_names(const TensorMap& tensors, int depth) {
  for (const auto& [name, tensor] : tensors) {
    if (!is_vit_name(name) && !is_fsfm_name(name)) throw unknown_tensor("", name, name);
    if (name.starts_with("blocks.") && std::stoi(name.substr(7)) >= depth)
      throw Error(ErrorCode::damaged, "tensor '" + name + "' belongs to a block beyond a gap: blocks." +
                                          std::to_string(depth) + " is missing");
  }
}

void read_head(const TensorMap& tensors, VitConfig& v) {
  const int64_t d = v.embed_dim;
  const std::string norm = v.global_pool == "token" ? "norm" : "fc_norm";
  expect_shape(tensors, norm + ".weight", {d});
  expect_shape(tensors, norm + ".bias", {d});
  if (v.global_pool == "fas") {
    const int width = rows_of(tensors, "head.bottleneck.weight", kMaxDim);
    v.num_classes = rows_of(tensors, "head.classifier.weight", kMaxClasses);
    expect_shape(tensors, "head.bottleneck.weight", {width, d});
    expect_shape(tensors, "head.bottleneck.bias", {width});
    expect_shape(tensors, "head.classifier.weight", {v.num_classes, width});
    expect_shape(tensors, "head.classifier.bias", {v.num_classes});
  } else if (tensors.contains("head.weight")) {
    v.num_classes = rows_of(tensors, "head.weight", kMaxClasses);
    v.adapter = tensors.contains("adapter.linear1.weight");
    expect_shape(tensors, "head.weight", {v.num_classes, v.adapter ? 2 * d : d});
    expect_shape(tensors, "head.bias", {v.num_classes});
    if (v.adapter) {
      const int squeezed = rows_of(tensors, "adapter.linear1.weight", kMaxDim);
      expect_shape(tensors, "adapter.linear1.weight", {squeezed, d});
      expect_shape(tensors, "adapter.linear2.weight", {d, squeezed});
    }
  }
}

}  // namespace

std::optional<int> usual_heads(int embed_dim, int mlp_hidden) {
  static const std::map<int, int> kUsual = {{192, 3}, {768, 12}, {1024, 16}, {1280, 16}};
  const auto found = kUsual.find(embed_dim);
  // A mixer of another measure is another family's network (timm's first ViT-Small: width 768, 8 heads).
  if (found == kUsual.end() || mlp_hidden != 4 * embed_dim) return std::nullopt;
  return found->second;
}

bool is_vit_name(const std::string& name) {
  static constexpr std::array<std::string_view, 16> kNames = {"cls_token",
                                                              "pos_embed",
                                                              "patch_embed.proj.weight",
                                                              "patch_embed.proj.bias",
                                                              "norm.weight",
                                                              "norm.bias",
                                                              "fc_norm.weight",
                                                              "fc_norm.bias",
                                                              "head.weight",
                                                              "head.bias",
                                                              "head.bottleneck.weight",
                                                              "head.bottleneck.bias",
                                                              "head.classifier.weight",
                                                              "head.classifier.bias",
                                                              "adapter.linear1.weight",
                                                              "adapter.linear2.weight"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || is_block_name(name, "blocks.");
}

bool is_fsfm_name(const std::string& name) {
  static constexpr std::array<std::string_view, 9> kPrefixes = {
      "decoder_embed.",    "decoder_norm.", "decoder_pred.", "rep_decoder_embed.",   "rep_decoder_norm.",
      "rep_decoder_pred.", "projector.",    "predictor.",    "rep_decoder_pos_embed"};
  return name == "mask_token" || name == "decoder_pos_embed" || begins_with_one(name, kPrefixes) ||
         is_block_name(name, "decoder_blocks.") || is_block_name(name, "rep_decoder_blocks.");
}

Error unknown_tensor(const std::string& source, const std::string& shown, const std::string& name) {
  static constexpr std::pair<std::string_view, std::string_view> kKinds[] = {
      {"ls1.", "layer scale"},
      {"ls2.", "layer scale"},
      {"gamma", "layer scale"},
      {"lambda", "layer scale"},
      {"weight_scale", "weights in eight bits (fsfm quantize)"},
      {"layer_scale", "layer scale"},
      {"reg_token", "register tokens"},
      {"register_tokens", "register tokens"},
      {"storage_tokens", "register tokens"},
      {"dist_token", "a distillation token"},
      {"distillation", "a distillation token"},
      {"head_dist", "a second head for distillation"},
      {"q_norm", "a norm of queries and keys"},
      {"k_norm", "a norm of queries and keys"},
      {"q_bias", "biases of queries and values alone (BEiT)"},
      {"v_bias", "biases of queries and values alone (BEiT)"},
      {"rel_pos", "relative positions"},
      {"relative_position", "relative positions"},
      {"rope", "rotary positions"},
      {"rotary", "rotary positions"},
      {"freqs", "rotary positions"},
      {"norm_pre", "a norm before the blocks"},
      {"ln_pre", "a norm before the blocks"},
      {"patch_embed.norm", "a norm of the patches"},
      {"patch_embed.backbone", "a convolutional stem"},
      {"attn.norm", "a norm inside the attention"},
      {"mlp.norm", "a norm inside the MLP"},
      {"mlp.w", "a gated MLP (SwiGLU)"},
      {"mlp.fc1_", "a gated MLP (SwiGLU)"},
      {"gate", "a gated MLP"},
      {"attn_pool", "attention pooling"}};
  const auto kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                 [&](const auto& item) { return name.find(item.first) != std::string::npos; });
  const std::string what = kind == std::end(kKinds) ? "which a plain vision transformer does not have"
                                                    : "which means " + std::string(kind->second);
  return Error(ErrorCode::unsupported,
               (source.empty() ? "" : source + ": ") + "it has the tensor '" + shown + "', " + what,
               "such a network cannot be computed here: leaving the tensor out would compute another one");
}

VitConfig infer_vit_config(const TensorMap& tensors, const nlohmann::json& stated) {
  const nlohmann::json config = stated.is_object() ? stated : nlohmann::json::object();
  if (!tensors.contains("patch_embed.proj.weight"))
    throw Error(ErrorCode::unsupported, "no vision transformer: tensor 'patch_embed.proj.weight' is missing");
  VitConfig v;
  const Shape& patch = shape_of(tensors, "patch_embed.proj.weight");
  if (patch.size() != 4 || patch[1] != 3 || patch[2] != patch[3] || patch[2] < 1 || patch[2] > 256 || patch[0] < 4 ||
      patch[0] > kMaxDim)
    throw Error(ErrorCode::damaged,
                "tensor 'patch_embed.proj.weight' has shape " + shape_text(patch) + ", expected [D, 3, P, P]");
  v.embed_dim = static_cast<int>(patch[0]);
  v.patch_size = static_cast<int>(patch[2]);
  expect_shape(tensors, "patch_embed.proj.bias", {patch[0]});
  expect_shape(tensors, "cls_token", {1, 1, patch[0]});
  const Shape& positions = shape_of(tensors, "pos_embed");
  const int64_t rows = positions.size() == 3 ? positions[1] : 0;
  const auto grid =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(rows > 1 && rows <= kMaxTokens ? rows - 1 : 0))));
  if (grid < 1 || grid * grid + 1 != rows || positions[0] != 1 || positions[2] != patch[0])
    throw Error(ErrorCode::damaged,
                "tensor 'pos_embed' has shape " + shape_text(positions) + ", expected [1, 1 + G*G, D]");
  v.img_size = static_cast<int>(grid) * v.patch_size;
  v.depth = count_blocks(tensors, "blocks.");
  v.mlp_ratio = static_cast<double>(rows_of(tensors, "blocks.0.mlp.fc1.weight", 8 * kMaxDim)) / v.embed_dim;
  v.num_heads = heads_of(v, config);
  v.layer_norm_eps = eps_of(config);
  check_activation(config);
  expect_known_names(tensors, v.depth);
  v.global_pool = tensors.contains("head.bottleneck.weight") ? "fas"
                  : tensors.contains("fc_norm.weight")       ? "avg"
                                                             : "token";
  expect_blocks(tensors, "blocks.", v.depth, v.embed_dim, v.mlp_hidden());
  read_head(tensors, v);
  nlohmann::json sizes = v.to_json();
  for (const char* key : {"num_heads", "mlp_ratio", "adapter", "layer_norm_eps"}) sizes.erase(key);
  expect_agreement(config, sizes);
  return v;
}

}  // namespace fsfm
