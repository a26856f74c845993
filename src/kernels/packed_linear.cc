#include "kernels/packed_linear.h"

namespace fsfm {

using dnnl::memory;

PackedLinear::PackedLinear(OneDnn& onednn, std::span<const float> weight, std::span<const float> bias, int inputs,
                           int outputs, Post post, int rows_hint)
    : onednn_(&onednn), inputs_(inputs), outputs_(outputs), post_(post), bias_(bias.begin(), bias.end()) {
  bias_.resize(static_cast<size_t>(outputs), 0.0f);
  with_onednn("packing a layer's weights", [&] {
    weight_ = memory(Matmul(onednn, shape(rows_hint)).b_layout(), onednn.engine);
    memory plain(matrix_layout(inputs, outputs, memory::data_type::f32, Transpose::yes), onednn.engine,
                 const_cast<float*>(weight.data()));
    dnnl::reorder(plain, weight_).execute(onednn.stream, plain, weight_);
    onednn.stream.wait();
  });
}

MatmulShape PackedLinear::shape(int rows) const {
  return {.m = rows, .n = outputs_, .k = inputs_, .packed = true, .biased = true, .post = post_};
}

void PackedLinear::run(int rows, const float* x, float* y) {
  with_onednn("a matrix product", [&] {
    auto found = by_rows_.find(rows);
    if (found == by_rows_.end()) {
      constexpr size_t kMaxProducts = 16;
      if (by_rows_.size() >= kMaxProducts) by_rows_.clear();
      found = by_rows_.emplace(rows, Matmul(*onednn_, shape(rows), weight_.get_desc())).first;
    }
    found->second.run(*onednn_, x, weight_, bias_.data(), y);
  });
}

}  // namespace fsfm
