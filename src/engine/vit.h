// CPU inference of a plain ViT detector, without libtorch (oneDNN underneath).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tensorio/model_file.h"

namespace fsfm {

// Thread-compatible; weights are packed once in the constructor.
class VitEngine {
 public:
  // Reads sizes from the card (or, without one, from the tensor shapes); heads: global_pool "avg" (fc_norm + head), "token"
  // (norm + head on cls), "fas" (method.md section 4). Throws Error naming a missing or misshaped tensor.
  explicit VitEngine(const ModelFile& model, int threads = 0);
  ~VitEngine();
  VitEngine(VitEngine&&) noexcept;

  int image_size() const;
  int classes() const;
  // images: [batch, 3, S, S] normalised floats -> logits [batch, classes].
  std::vector<float> logits(std::span<const float> images, int batch);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm
