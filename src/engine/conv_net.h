// CPU inference of the face-segmentation network, without libtorch (oneDNN underneath).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/model_file.h"
#include "model/parse_net_config.h"

namespace fsfm {

// Batch norm is already folded into the weights of the file, ReLU and the additions are fused into the convolutions,
// weights are packed and buffers allocated once in the constructor. Not thread-safe: one object per thread.
class ConvNet {
 public:
  // Reads the sizes from the card's config. Throws Error naming a missing or misshaped tensor. `threads`: 0 = all
  // cores.
  explicit ConvNet(const ModelFile& model, int threads = 1);
  ~ConvNet();
  ConvNet(ConvNet&&) noexcept;

  const ParseNetConfig& config() const;
  int logits_size() const { return config().img_size / 2; }
  // The code that oneDNN chose for each convolution, in order ("jit:avx2", ...); "ref" would be its slow plain form.
  const std::vector<std::string>& implementations() const;
  // image: [S, S, 3] normalised floats (HWC) -> logits [classes, S/2, S/2], valid until the next call.
  std::span<const float> logits(std::span<const float> image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm
