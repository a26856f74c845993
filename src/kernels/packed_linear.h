// A fully connected layer whose weights are packed once into oneDNN's preferred layout.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "kernels/matmul.h"

namespace fsfm {

// y = post(x W^T + b). Thread-compatible; the OneDnn must outlive it.
class PackedLinear {
 public:
  using Post = fsfm::Post;  // add: y += x W^T + b

  PackedLinear() = default;
  // weight: [outputs, inputs] row-major, as PyTorch keeps it; bias: [outputs] or empty. `rows_hint`: the usual number
  // of rows. Throws Error when oneDNN refuses.
  PackedLinear(OneDnn& onednn, std::span<const float> weight, std::span<const float> bias, int inputs, int outputs,
               Post post, int rows_hint);

  // x: [rows, inputs] -> y: [rows, outputs]; they must not overlap, and need no alignment.
  void run(int rows, const float* x, float* y);
  int outputs() const { return outputs_; }

 private:
  MatmulShape shape(int rows) const;

  OneDnn* onednn_ = nullptr;
  int inputs_ = 0, outputs_ = 0;
  Post post_ = Post::none;
  dnnl::memory weight_;
  std::vector<float> bias_;
  std::map<int, Matmul> by_rows_;  // a product is made for one number of rows
};

}  // namespace fsfm
