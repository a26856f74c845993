#include "engine/vit_layout.h"

#include <cmath>
#include <map>

#include "base/error.h"
#include "engine/tensor_shapes.h"

namespace fsfm {
namespace {

constexpr int64_t kMaxDim = 16384, kMaxTokens = 65536, kMaxClasses = 100'000;

int heads_of(int dim, const nlohmann::json& config) {
  static const std::map<int, int> kKnown = {{192, 3}, {384, 12}, {768, 12}, {1024, 16}, {1280, 16}};
  int heads = 0;
  if (const auto stated = config.find("num_heads"); stated != config.end() && stated->is_number_integer())
    heads = stated->get<int>();
  else if (const auto known = kKnown.find(dim); known != kKnown.end())
    heads = known->second;
  if (heads == 0)
    throw Error("the number of attention heads of width " + std::to_string(dim) + " is not known",
                "state it (--heads)");
  if (heads < 1 || dim % heads != 0)
    throw Error(std::to_string(heads) + " attention heads do not divide the width " + std::to_string(dim));
  return heads;
}

void read_head(const TensorMap& tensors, VitLayout& v) {
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

nlohmann::json VitLayout::to_config() const {
  return {{"img_size", img_size},       {"patch_size", patch_size},
          {"embed_dim", embed_dim},     {"depth", depth},
          {"num_heads", num_heads},     {"mlp_ratio", static_cast<double>(mlp_hidden) / embed_dim},
          {"num_classes", num_classes}, {"global_pool", global_pool},
          {"adapter", adapter}};
}

VitLayout infer_vit_layout(const TensorMap& tensors, const nlohmann::json& stated) {
  const nlohmann::json config = stated.is_object() ? stated : nlohmann::json::object();
  if (!tensors.contains("patch_embed.proj.weight"))
    throw Error("no vision transformer: tensor 'patch_embed.proj.weight' is missing");
  VitLayout v;
  const Shape& patch = shape_of(tensors, "patch_embed.proj.weight");
  if (patch.size() != 4 || patch[1] != 3 || patch[2] != patch[3] || patch[2] < 1 || patch[2] > 256 || patch[0] < 4 ||
      patch[0] > kMaxDim)
    throw Error("tensor 'patch_embed.proj.weight' has shape " + shape_text(patch) + ", expected [D, 3, P, P]");
  v.embed_dim = static_cast<int>(patch[0]);
  v.patch_size = static_cast<int>(patch[2]);
  expect_shape(tensors, "patch_embed.proj.bias", {patch[0]});
  expect_shape(tensors, "cls_token", {1, 1, patch[0]});
  const Shape& positions = shape_of(tensors, "pos_embed");
  const int64_t rows = positions.size() == 3 ? positions[1] : 0;
  const auto grid =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(rows > 1 && rows <= kMaxTokens ? rows - 1 : 0))));
  if (grid < 1 || grid * grid + 1 != rows || positions[0] != 1 || positions[2] != patch[0])
    throw Error("tensor 'pos_embed' has shape " + shape_text(positions) + ", expected [1, 1 + G*G, D]");
  v.img_size = static_cast<int>(grid) * v.patch_size;
  v.depth = count_blocks(tensors, "blocks.");
  v.mlp_hidden = rows_of(tensors, "blocks.0.mlp.fc1.weight", 8 * kMaxDim);
  v.num_heads = heads_of(v.embed_dim, config);
  v.global_pool = tensors.contains("head.bottleneck.weight") ? "fas"
                  : tensors.contains("fc_norm.weight")       ? "avg"
                                                             : "token";
  expect_blocks(tensors, "blocks.", v.depth, v.embed_dim, v.mlp_hidden);
  read_head(tensors, v);
  nlohmann::json sizes = v.to_config();
  for (const char* key : {"num_heads", "mlp_ratio", "adapter"}) sizes.erase(key);
  expect_agreement(config, sizes);
  return v;
}

}  // namespace fsfm
