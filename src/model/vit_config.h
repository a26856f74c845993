// The vision transformer's description: what learning, the CPU engine and import agree on.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace fsfm {

// Names and meaning as in timm; the `config` of a model card.
struct VitConfig {
  int img_size = 224, patch_size = 16, embed_dim = 768, depth = 12, num_heads = 12;
  double mlp_ratio = 4.0;
  int num_classes = 0;  // 0 = no head
  std::string global_pool =
      "avg";  // "avg": fc_norm(mean of patch tokens); "token": norm, class token; "fas": method.md section 4
  double drop_path = 0.0;  // of the last block; rises linearly from 0
  bool adapter = false;    // FS-Adapter: the head reads [x, adapter(x)]
  static constexpr double kLayerNormEps = 1e-6;
  double layer_norm_eps = kLayerNormEps;  // of the blocks and of the norm before the head

  int grid() const { return img_size / patch_size; }
  int patches() const { return grid() * grid(); }
  int tokens() const { return 1 + patches(); }
  int mlp_hidden() const;
  // Throws Error when sizes are not positive, do not divide each other, or are absurdly large.
  void check() const;
  static VitConfig named(const std::string& model);  // tiny|small|base|large|huge; throws Error listing the names
  nlohmann::json to_json() const;
  // Absent keys keep their defaults; throws Error naming a key of the wrong type.
  static VitConfig from_json(const nlohmann::json& json);
};

}  // namespace fsfm
