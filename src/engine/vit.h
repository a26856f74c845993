// CPU inference of a plain ViT detector, without libtorch (oneDNN underneath).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/precision.h"
#include "model/model_file.h"
#include "model/vit_layout.h"

namespace fsfm {

// Thread-compatible; weights are packed once in the constructor, and the model file is not needed afterwards.
class VitEngine {
 public:
  // Reads sizes from the tensors' shapes and the card; heads: global_pool "avg" (fc_norm + head), "token" (norm + head
  // on cls), "fas" (method.md section 4), FS-Adapter. threads: 0 = all cores. Throws Error naming a missing or
  // misshaped tensor.
  explicit VitEngine(const ModelFile& model, int threads = 0, EnginePrecision precision = EnginePrecision::automatic);
  // The same from bare tensors.
  VitEngine(const TensorMap& tensors, const nlohmann::json& config, int threads = 0,
            EnginePrecision precision = EnginePrecision::automatic);
  // The same network for another thread: packed weights are shared. Several may be made of one that does not run.
  VitEngine(const VitEngine& other, int threads);
  ~VitEngine();
  VitEngine(VitEngine&&) noexcept;

  const VitConfig& layout() const;
  EnginePrecision precision() const;  // fp32, bf16 or int8
  int image_size() const;
  int classes() const;  // 0 = features only
  // images: [batch, 3, S, S] normalised floats -> logits [batch, classes]. Throws Error when the sizes do not fit.
  std::vector<float> logits(std::span<const float> images, int batch);
  // -> [batch, D], pooled and normalised.
  std::vector<float> features(std::span<const float> images, int batch);
  // What the tokens of one image [3, S, S] look at, class token first -> [depth, heads, T, T]; a row is a query, its
  // sum 1.
  std::vector<float> attention(std::span<const float> image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm
