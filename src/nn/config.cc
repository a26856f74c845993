// Sizes of the networks by name, and to and from JSON.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "nn/fsfm_net.h"

namespace fsfm {
namespace {

// Reads json[key] into `value` if it is there.
template <class T>
void read(const nlohmann::json& json, const char* key, T& value) {
  const auto it = json.find(key);
  if (it == json.end()) return;
  const bool fits = std::is_same_v<T, std::string> ? it->is_string()
                    : std::is_same_v<T, int>       ? it->is_number_integer()
                                                   : it->is_number();
  if (!fits) throw Error(std::string("model configuration: '") + key + "' has the wrong type: " + it->dump());
  value = it->template get<T>();
}

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

}  // namespace

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
      {"drop_path", drop_path}};
  if (layer_norm_eps != VitConfig().layer_norm_eps) json["layer_norm_eps"] = layer_norm_eps;
  return json;
}

VitConfig VitConfig::from_json(const nlohmann::json& json) {
  if (!json.is_object()) throw Error("model configuration is not a JSON object");
  VitConfig config;
  read(json, "img_size", config.img_size);
  read(json, "patch_size", config.patch_size);
  read(json, "embed_dim", config.embed_dim);
  read(json, "depth", config.depth);
  read(json, "num_heads", config.num_heads);
  read(json, "mlp_ratio", config.mlp_ratio);
  read(json, "num_classes", config.num_classes);
  read(json, "global_pool", config.global_pool);
  read(json, "drop_path", config.drop_path);
  read(json, "layer_norm_eps", config.layer_norm_eps);
  std::string act = "gelu";
  read(json, "act", act);
  if (act != "gelu") throw Error("model configuration: the activation '" + act + "' is not known", "use gelu");
  config.check();
  return config;
}

void FsfmConfig::check() const {
  encoder.check();
  check_range("decoder_embed_dim", decoder_embed_dim, 4, 16384);
  check_range("decoder_depth", decoder_depth, 1, 256);
  check_range("rep_decoder_depth", rep_decoder_depth, 1, 256);
  check_range("projection_size", projection_size, 1, 65536);
  check_range("projection_hidden_size", projection_hidden_size, 1, 65536);
  check_heads("decoder_num_heads", decoder_embed_dim, decoder_num_heads);
  check_heads("rep_decoder_num_heads", encoder.embed_dim, rep_decoder_num_heads);
  if (rep_decoder_embed_dim != 0 && rep_decoder_embed_dim != encoder.embed_dim) {
    throw Error("model configuration: rep_decoder_embed_dim must equal embed_dim",
                "both decoders share one mask token of the encoder's width");
  }
}

FsfmConfig FsfmConfig::named(const std::string& model) {
  FsfmConfig config;
  config.encoder = VitConfig::named(model);
  if (config.encoder.embed_dim == 192) {  // beside ViT-tiny the paper's decoder would be nine tenths of the work
    config.decoder_embed_dim = 192;
    config.decoder_depth = 2;
  }
  return config;  // 16 heads divide 512 and every encoder width of the family
}

nlohmann::json FsfmConfig::to_json() const {
  nlohmann::json json = encoder.to_json();
  for (const char* key : {"num_classes", "global_pool", "drop_path"}) json.erase(key);
  json["decoder_embed_dim"] = decoder_embed_dim;
  json["decoder_depth"] = decoder_depth;
  json["decoder_num_heads"] = decoder_num_heads;
  json["rep_decoder_embed_dim"] = encoder.embed_dim;
  json["rep_decoder_depth"] = rep_decoder_depth;
  json["rep_decoder_num_heads"] = rep_decoder_num_heads;
  json["projection_size"] = projection_size;
  json["projection_hidden_size"] = projection_hidden_size;
  return json;
}

FsfmConfig FsfmConfig::from_json(const nlohmann::json& json) {
  FsfmConfig config;
  config.encoder = VitConfig::from_json(json);
  read(json, "decoder_embed_dim", config.decoder_embed_dim);
  read(json, "decoder_depth", config.decoder_depth);
  read(json, "decoder_num_heads", config.decoder_num_heads);
  read(json, "rep_decoder_embed_dim", config.rep_decoder_embed_dim);
  read(json, "rep_decoder_depth", config.rep_decoder_depth);
  read(json, "rep_decoder_num_heads", config.rep_decoder_num_heads);
  read(json, "projection_size", config.projection_size);
  read(json, "projection_hidden_size", config.projection_hidden_size);
  config.check();
  return config;
}

}  // namespace fsfm
