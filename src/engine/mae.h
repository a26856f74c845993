// CPU inference of a pretrained masked autoencoder: from the patches that are seen to all of them, without libtorch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/model_file.h"
#include "model/vit_config.h"

namespace fsfm {

// Thread-compatible; the model file is not needed once it is built. Of the pretraining network (method.md section 3)
// the encoder and the pixel decoder; its projections and its other decoder are not read.
class MaeEngine {
 public:
  // threads: 0 = all cores. Throws Error naming the file for a model that is no pretrained one with its decoder, and
  // the tensor that is missing or misshaped.
  explicit MaeEngine(const ModelFile& model, int threads = 0);
  ~MaeEngine();
  MaeEngine(MaeEngine&&) noexcept;

  const VitConfig& layout() const;  // of the encoder
  // image: [3, S, S] normalised; masked: [L], 0 = seen, row after row -> [L, P * P * 3], what each patch should be, as
  // the network was trained to say it. Throws Error when the sizes do not fit or nothing is seen.
  std::vector<float> predict(std::span<const float> image, std::span<const uint8_t> masked);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm
