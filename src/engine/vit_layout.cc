#include "engine/vit_layout.h"

#include <cmath>
#include <map>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr int64_t kMaxDim = 16384, kMaxTokens = 65536, kMaxClasses = 100'000;

const TensorView& get(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error("no vision transformer: tensor '" + name + "' is missing");
  return found->second;
}

void expect(const TensorMap& tensors, const std::string& name, const Shape& shape) {
  const TensorView& tensor = get(tensors, name);
  if (tensor.shape != shape)
    throw Error("tensor '" + name + "' has shape " + shape_text(tensor.shape) + ", expected " + shape_text(shape));
}

// First size of a matrix.
int rows_of(const TensorMap& tensors, const std::string& name, int64_t most) {
  const Shape& shape = get(tensors, name).shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[0] > most)
    throw Error("tensor '" + name + "' has shape " + shape_text(shape));
  return static_cast<int>(shape[0]);
}

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

void check_blocks(const TensorMap& tensors, const VitLayout& v) {
  const int64_t d = v.embed_dim, h = v.mlp_hidden;
  for (int i = 0; i < v.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    for (const char* norm : {"norm1", "norm2"})
      for (const char* part : {".weight", ".bias"}) expect(tensors, block + norm + part, {d});
    expect(tensors, block + "attn.qkv.weight", {3 * d, d});
    expect(tensors, block + "attn.qkv.bias", {3 * d});
    expect(tensors, block + "attn.proj.weight", {d, d});
    expect(tensors, block + "attn.proj.bias", {d});
    expect(tensors, block + "mlp.fc1.weight", {h, d});
    expect(tensors, block + "mlp.fc1.bias", {h});
    expect(tensors, block + "mlp.fc2.weight", {d, h});
    expect(tensors, block + "mlp.fc2.bias", {d});
  }
}

void read_head(const TensorMap& tensors, VitLayout& v) {
  const int64_t d = v.embed_dim;
  const std::string norm = v.global_pool == "token" ? "norm" : "fc_norm";
  expect(tensors, norm + ".weight", {d});
  expect(tensors, norm + ".bias", {d});
  if (v.global_pool == "fas") {
    const int width = rows_of(tensors, "head.bottleneck.weight", kMaxDim);
    v.num_classes = rows_of(tensors, "head.classifier.weight", kMaxClasses);
    expect(tensors, "head.bottleneck.weight", {width, d});
    expect(tensors, "head.bottleneck.bias", {width});
    expect(tensors, "head.classifier.weight", {v.num_classes, width});
    expect(tensors, "head.classifier.bias", {v.num_classes});
  } else if (tensors.contains("head.weight")) {
    v.num_classes = rows_of(tensors, "head.weight", kMaxClasses);
    v.adapter = tensors.contains("adapter.linear1.weight");
    expect(tensors, "head.weight", {v.num_classes, v.adapter ? 2 * d : d});
    expect(tensors, "head.bias", {v.num_classes});
    if (v.adapter) {
      const int squeezed = rows_of(tensors, "adapter.linear1.weight", kMaxDim);
      expect(tensors, "adapter.linear1.weight", {squeezed, d});
      expect(tensors, "adapter.linear2.weight", {d, squeezed});
    }
  }
}

// What the card claims must be what the tensors show.
void compare(const nlohmann::json& config, const nlohmann::json& seen) {
  for (const char* key : {"img_size", "patch_size", "embed_dim", "depth", "num_classes", "global_pool"})
    if (const auto claimed = config.find(key); claimed != config.end() && *claimed != seen.at(key))
      throw Error(std::string("the model card and the tensors disagree on ") + key,
                  "the file was put together wrongly");
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
  VitLayout v;
  const Shape& patch = get(tensors, "patch_embed.proj.weight").shape;
  if (patch.size() != 4 || patch[1] != 3 || patch[2] != patch[3] || patch[2] < 1 || patch[2] > 256 || patch[0] < 4 ||
      patch[0] > kMaxDim)
    throw Error("tensor 'patch_embed.proj.weight' has shape " + shape_text(patch) + ", expected [D, 3, P, P]");
  v.embed_dim = static_cast<int>(patch[0]);
  v.patch_size = static_cast<int>(patch[2]);
  expect(tensors, "patch_embed.proj.bias", {patch[0]});
  expect(tensors, "cls_token", {1, 1, patch[0]});
  const Shape& positions = get(tensors, "pos_embed").shape;
  const int64_t rows = positions.size() == 3 ? positions[1] : 0;
  const auto grid =
      static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(rows > 1 && rows <= kMaxTokens ? rows - 1 : 0))));
  if (grid < 1 || grid * grid + 1 != rows || positions[0] != 1 || positions[2] != patch[0])
    throw Error("tensor 'pos_embed' has shape " + shape_text(positions) + ", expected [1, 1 + G*G, D]");
  v.img_size = static_cast<int>(grid) * v.patch_size;
  while (v.depth < 1000 && tensors.contains("blocks." + std::to_string(v.depth) + ".norm1.weight")) ++v.depth;
  v.mlp_hidden = rows_of(tensors, "blocks.0.mlp.fc1.weight", 8 * kMaxDim);
  v.num_heads = heads_of(v.embed_dim, config);
  v.global_pool = tensors.contains("head.bottleneck.weight") ? "fas"
                  : tensors.contains("fc_norm.weight")       ? "avg"
                                                             : "token";
  check_blocks(tensors, v);
  read_head(tensors, v);
  compare(config, v.to_config());
  return v;
}

}  // namespace fsfm
