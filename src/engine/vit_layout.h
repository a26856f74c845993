// What a set of weights says about the vision transformer it belongs to: sizes and head.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tensorio/tensor.h"

namespace fsfm {

// Names and meaning as in timm.
struct VitLayout {
  int img_size = 0, patch_size = 0, embed_dim = 0, depth = 0, num_heads = 0, mlp_hidden = 0;
  int num_classes = 0;      // 0 = no head
  std::string global_pool;  // "avg" (fc_norm), "token" (norm), "fas" (method.md section 4)
  bool adapter = false;     // FS-Adapter: the head reads [x, adapter(x)]

  int tokens() const { return 1 + (img_size / patch_size) * (img_size / patch_size); }
  nlohmann::json to_config() const;  // the card's `config`
};

// Reads everything from the tensors' shapes; only the number of heads leaves no trace in them: it comes from `config`
// ("num_heads"), else from the known widths (192, 384, 768, 1024, 1280). Where `config` states another value than the
// tensors show, the tensors' is an Error. Throws Error naming a missing or misshaped tensor.
VitLayout infer_vit_layout(const TensorMap& tensors, const nlohmann::json& config = {});

}  // namespace fsfm
