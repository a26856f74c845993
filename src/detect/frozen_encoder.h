// The encoder of a vision transformer as it is, on the faces of a dataset. No libtorch.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "detect/score_dataset.h"
#include "engine/vit.h"

namespace fsfm {

// Features of a dataset's faces, each of unit length.
struct FaceFeatures {
  ScoredDataset faces;          // without logits
  std::vector<size_t> indices;  // [N] position of each face in the dataset
  std::vector<float> values;    // [N, width]
  size_t width = 0;
};

// The encoder of any vision transformer: a pretrained one is read without its decoders and pools the mean of its patch
// tokens, a detector as it was trained. Throws Error when the file is no vision transformer.
class FrozenEncoder {
 public:
  explicit FrozenEncoder(const ModelFile& model, int threads = 0);
  FaceFeatures features(const Dataset& dataset, const ScoreOptions& options);
  // Calls `use` face by face with VitEngine::attention of it. The faces that were read, without logits.
  ScoredDataset attention(const Dataset& dataset, const ScoreOptions& options,
                          const std::function<void(std::span<const float>)>& use);
  const VitConfig& layout() const { return engine_->layout(); }

 private:
  std::unique_ptr<VitEngine> engine_;
  Transform transform_;
  Normalization normalization_;
};

}  // namespace fsfm
