// A vision transformer up to its last block, and stacks of blocks by themselves. Thread-compatible, like what they are
// made of; the OneDnn must outlive them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/layers.h"
#include "model/vit_config.h"

namespace fsfm {

// Blocks of a transformer: x += attention(norm(x)), x += mlp(norm(x)).
class VitBlocks {
 public:
  struct Sizes {
    int width, hidden, depth, heads;
    double layer_norm_eps;
  };

  // Reads PREFIX0.norm1.weight, ... rows_hint: the usual number of tokens of a picture.
  VitBlocks(OneDnn& onednn, const TensorMap& tensors, const std::string& prefix, const Sizes& sizes, int rows_hint,
            EnginePrecision precision);
  // The same blocks for another thread, with the weights of `other`, which must not run meanwhile.
  VitBlocks(OneDnn& onednn, const VitBlocks& other);
  ~VitBlocks();
  VitBlocks(VitBlocks&&) noexcept;

  // x: [images, tokens, width], changed in place.
  void run(float* x, int images, int tokens);
  // The same of one image, and what its tokens look at -> [depth, heads, tokens, tokens], each row's sum is 1.
  std::vector<float> attention(float* x, int tokens);

 private:
  struct Block;

  void attend(const float* qkv, float* out, int images, int tokens);
  void look(const float* qkv, int tokens, float* weights) const;
  void run(float* x, int images, int tokens, float* weights);

  Sizes sizes_;
  bool bf16_attention_;  // where products are rounded anyway and the processor multiplies bfloat16
  std::vector<Block> blocks_;
  Buffer attended_, qkv_, scratch_;
};

// Patches, positions and blocks; no final norm.
class VitTrunk {
 public:
  VitTrunk(OneDnn& onednn, const TensorMap& tensors, const VitConfig& layout, EnginePrecision precision);
  // As of VitBlocks.
  VitTrunk(OneDnn& onednn, const VitTrunk& other);

  // images: [n, 3, S, S] normalised -> tokens [n, 1 + V, D], valid until the next call. V: as many as `visible` names
  // patches, the same of every picture; all where it is empty.
  float* run(const float* images, int n, std::span<const int> visible = {});
  // VitBlocks::attention of one image.
  std::vector<float> attention(const float* image);

 private:
  float* embed(const float* images, int n, std::span<const int> visible);

  VitConfig layout_;
  std::vector<float> cls_token_, positions_;  // [D], [1 + L, D]
  std::vector<int> all_;                      // patches
  PackedLinear patch_embed_;
  VitBlocks blocks_;
  Buffer pixels_, embedded_, tokens_;
};

}  // namespace fsfm
