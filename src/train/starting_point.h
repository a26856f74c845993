// What training starts from: the network that a weight file belongs to, and what is known of its input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media/preprocess.h"
#include "model/import.h"
#include "model/vit_layout.h"
#include "nn/vit.h"

namespace fsfm {

struct StartingPoint {
  VitConfig network;
  Weights weights;                      // no tensors: from scratch
  std::optional<ModelCard> card;        // of a model file of ours
  std::optional<Normalization> pixels;  // what the weights were trained with, where that is known
  std::vector<std::string> notes;       // for people, one sentence each: what was assumed, resized, left out
};

// Says what becomes of the positions of `file` in a network of `img_size`.
void note_positions(const VitConfig& file, int img_size, int patch_size, bool fixed, std::vector<std::string>& notes);

}  // namespace fsfm
