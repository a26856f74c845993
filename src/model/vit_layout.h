// What a set of weights says about the vision transformer it belongs to: sizes and head.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "model/vit_config.h"
#include "tensorio/tensor.h"

namespace fsfm {

// Reads everything from the tensors' shapes; what leaves no trace in them comes from `config`: the number of heads
// ("num_heads", else the usual one of the width), the epsilon of the norms ("layer_norm_eps"), the activation ("act",
// which must be gelu). Where `config` states another value than the tensors show, the tensors' is an Error. Throws
// Error naming a missing or misshaped tensor, and one that belongs to another kind of network.
VitConfig infer_vit_config(const TensorMap& tensors, const nlohmann::json& config = {});

// The number of attention heads where everybody uses the same for this width; nullopt where there are several (384: 6
// in timm, DeiT and DINO, 12 in MoCo v3 and FSFM) or none is known.
std::optional<int> usual_heads(int embed_dim, int mlp_hidden);

// Whether a plain transformer, or the authors' pretraining network around it, has a parameter of this name.
bool is_vit_name(const std::string& name);
bool is_fsfm_name(const std::string& name);
// The Error for a tensor that neither has: says what kind of network it belongs to, where the name tells. `shown` is
// the file's name of it.
Error unknown_tensor(const std::string& source, const std::string& shown, const std::string& name);

}  // namespace fsfm
