// A fully connected layer whose weights are packed once into oneDNN's preferred layout.
#pragma once

#include <dnnl.hpp>
#include <map>
#include <span>

#include "engine/onednn.h"

namespace fsfm {

// y = post(x W^T + b). Thread-compatible; the OneDnn must outlive it.
class PackedLinear {
 public:
  enum class Post { none, gelu, relu, add };  // gelu is the erf form; add: y += x W^T + b

  PackedLinear() = default;
  // weight: [outputs, inputs] row-major, as PyTorch keeps it; bias: [outputs] or empty. `rows_hint`: the usual number
  // of rows.
  PackedLinear(OneDnn& onednn, std::span<const float> weight, std::span<const float> bias, int inputs, int outputs,
               Post post, int rows_hint);

  // x: [rows, inputs] -> y: [rows, outputs]; they must not overlap.
  void run(int rows, const float* x, float* y);
  int outputs() const { return outputs_; }

 private:
  dnnl::matmul::primitive_desc describe(int rows, const dnnl::memory::desc& weight) const;

  OneDnn* onednn_ = nullptr;
  int inputs_ = 0, outputs_ = 0;
  Post post_ = Post::none;
  dnnl::memory weight_, bias_;
  std::map<int, dnnl::matmul> by_rows_;  // a primitive is made for one number of rows
};

}  // namespace fsfm
