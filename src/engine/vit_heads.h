// The heads that turn a transformer's features into logits (method.md section 4).
#pragma once

#include <memory>
#include <vector>

#include "kernels/onednn.h"
#include "model/vit_layout.h"
#include "tensorio/tensor.h"

namespace fsfm {

// What stands behind the last block. Thread-compatible: its primitives keep scratch; every engine owns its own.
class VitHead {
 public:
  virtual ~VitHead() = default;
  // features: [batch, D] pooled and normalised; tokens: [batch, T, D] after the last block -> logits [batch, classes].
  virtual std::vector<float> logits(const float* features, const float* tokens, int batch) = 0;
  // The same head for another thread.
  virtual std::unique_ptr<VitHead> for_thread_of(OneDnn& onednn) const = 0;
};

// The head that `layout` describes: linear, FS-Adapter or anti-spoofing. nullptr when there are no classes. The OneDnn
// must outlive it.
std::unique_ptr<VitHead> make_vit_head(OneDnn& onednn, const TensorMap& tensors, const VitConfig& layout);

}  // namespace fsfm
