// The description of FSFM's pretraining network: its encoder, decoders and projector (method.md section 3).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "model/vit_config.h"

namespace fsfm {

struct FsfmConfig {
  VitConfig encoder;
  int decoder_embed_dim = 512, decoder_depth = 8, decoder_num_heads = 16;
  int rep_decoder_embed_dim = 0;  // 0 = encoder width, the only width that the shared mask token allows
  int rep_decoder_depth = 2, rep_decoder_num_heads = 16;
  int projection_size = 256, projection_hidden_size = 4096;

  void check() const;  // throws Error naming the size that cannot be
  // The paper's decoders; ViT-tiny, which the paper lacks, gets a pixel decoder of its own measure (192 wide, 2
  // blocks).
  static FsfmConfig named(const std::string& model);
  nlohmann::json to_json() const;
  static FsfmConfig from_json(const nlohmann::json& json);
};

}  // namespace fsfm
