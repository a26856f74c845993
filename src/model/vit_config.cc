#include "model/vit_config.h"

#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "model/config_fields.h"

namespace fsfm {

void check_range(const char* name, long long value, long long low, long long high) {
  if (value >= low && value <= high) return;
  throw Error(std::string("model configuration: ") + name + " = " + std::to_string(value) + " is outside " +
              std::to_string(low) + ".." + std::to_string(high));
}

void check_heads(const char* what, int dim, int heads) {
  check_range(what, heads, 1, 1024);
  if (dim % heads != 0) {
    throw Error(std::string("model configuration: ") + what + " = " + std::to_string(heads) +
                " does not divide the width " + std::to_string(dim));
  }
}

void VitConfig::check() const {
  check_range("img_size", img_size, 1, 4096);
  check_range("patch_size", patch_size, 1, 256);
  check_range("embed_dim", embed_dim, 4, 16384);
  check_range("depth", depth, 1, 256);
  check_range("num_classes", num_classes, 0, 1000000);
  check_heads("num_heads", embed_dim, num_heads);
  if (img_size % patch_size != 0) {
    throw Error("model configuration: img_size " + std::to_string(img_size) + " is not a multiple of patch_size " +
                std::to_string(patch_size));
  }
  if (!(mlp_ratio > 0.0 && mlp_ratio <= 64.0)) throw Error("model configuration: mlp_ratio must lie in (0, 64]");
  if (!(layer_norm_eps >= 1e-12 && layer_norm_eps <= 1e-2))
    throw Error("model configuration: layer_norm_eps must lie in 1e-12..1e-2");
  if (!(drop_path >= 0.0 && drop_path < 1.0)) throw Error("model configuration: drop_path must lie in [0, 1)");
  if (global_pool != "avg" && global_pool != "token" && global_pool != "fas") {
    throw Error("model configuration: unknown global_pool '" + global_pool + "'", "choose avg, token or fas");
  }
}

VitConfig VitConfig::named(const std::string& model) {
  struct Size {
    int dim, depth, heads, patch;
  };
  static const std::map<std::string, Size> kSizes = {{"tiny", {192, 12, 3, 16}},
                                                     {"small", {384, 12, 12, 16}},
                                                     {"base", {768, 12, 12, 16}},
                                                     {"large", {1024, 24, 16, 16}},
                                                     {"huge", {1280, 32, 16, 14}}};
  const auto it = kSizes.find(to_lower(model));
  if (it == kSizes.end()) throw Error("unknown model '" + model + "'", "choose tiny, small, base, large or huge");
  const Size& size = it->second;
  return {.patch_size = size.patch, .embed_dim = size.dim, .depth = size.depth, .num_heads = size.heads};
}

nlohmann::json VitConfig::to_json() const {
  nlohmann::json json = {
      {"img_size", img_size},   {"patch_size", patch_size}, {"embed_dim", embed_dim},     {"depth", depth},
      {"num_heads", num_heads}, {"mlp_ratio", mlp_ratio},   {"num_classes", num_classes}, {"global_pool", global_pool},
      {"adapter", adapter}};
  if (drop_path > 0) json["drop_path"] = drop_path;
  if (layer_norm_eps != kLayerNormEps) json["layer_norm_eps"] = layer_norm_eps;
  return json;
}

VitConfig VitConfig::from_json(const nlohmann::json& json) {
  if (!json.is_object()) throw Error("model configuration is not a JSON object");
  VitConfig config;
  read_field(json, "img_size", config.img_size);
  read_field(json, "patch_size", config.patch_size);
  read_field(json, "embed_dim", config.embed_dim);
  read_field(json, "depth", config.depth);
  read_field(json, "num_heads", config.num_heads);
  read_field(json, "mlp_ratio", config.mlp_ratio);
  read_field(json, "num_classes", config.num_classes);
  read_field(json, "global_pool", config.global_pool);
  read_field(json, "adapter", config.adapter);
  read_field(json, "drop_path", config.drop_path);
  read_field(json, "layer_norm_eps", config.layer_norm_eps);
  std::string act = "gelu";
  read_field(json, "act", act);
  if (act != "gelu") throw Error("model configuration: the activation '" + act + "' is not known", "use gelu");
  config.check();
  return config;
}

int VitConfig::mlp_hidden() const { return static_cast<int>(std::lround(embed_dim * mlp_ratio)); }

}  // namespace fsfm
