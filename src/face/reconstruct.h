// Hidden parts of a face, painted anew by a pretrained network.
#pragma once

#include <cstdint>
#include <span>

#include "engine/mae.h"
#include "media/image.h"
#include "media/preprocess.h"

namespace fsfm {

// Thread-compatible.
class FaceReconstructor {
 public:
  // A model of fsfm pretrain, or a converted one with its decoders; threads: 0 = all cores. Throws Error naming the
  // file for another.
  explicit FaceReconstructor(const ModelFile& model, int threads = 0);

  int side() const { return engine_.layout().img_size; }
  int patch() const { return engine_.layout().patch_size; }
  // face: side() x side(); masked: a value for each patch, row after row, 0 = seen. The hidden patches are painted from
  // the seen ones alone, except that a network which was trained on patches of mean 0 and deviation 1 gets the true
  // mean and deviation of each: colours are then given, the structure is the network's own. Throws Error when the sizes
  // do not fit or nothing is seen.
  Image paint(const Image& face, std::span<const uint8_t> masked);

 private:
  MaeEngine engine_;
  Normalization normalization_;
  bool normalized_patches_;
};

}  // namespace fsfm
