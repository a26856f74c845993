// A whole FSFM network small enough for a test: 16 patches of 32 x 32 pixels.
#pragma once

#include "nn/fsfm_net.h"

namespace fsfm {

inline FsfmConfig tiny_fsfm(int depth = 2) {
  FsfmConfig config;
  config.encoder = {.img_size = 32, .patch_size = 8, .embed_dim = 32, .depth = depth, .num_heads = 4};
  config.decoder_embed_dim = 16;
  config.decoder_depth = 2;
  config.decoder_num_heads = 4;
  config.rep_decoder_num_heads = 4;
  config.projection_size = 8;
  config.projection_hidden_size = 24;
  return config;
}

}  // namespace fsfm
