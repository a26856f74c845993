#include "engine/packed_linear.h"

#include <algorithm>

namespace fsfm {

using dnnl::memory;

PackedLinear::PackedLinear(OneDnn& onednn, std::span<const float> weight, std::span<const float> bias, int inputs,
                           int outputs, Post post, int rows_hint)
    : onednn_(&onednn), inputs_(inputs), outputs_(outputs), post_(post) {
  with_onednn("packing a layer's weights", [&] {
    const memory::desc any({inputs, outputs}, memory::data_type::f32, memory::format_tag::any);
    weight_ = memory(describe(rows_hint, any).weights_desc(), onednn.engine);
    bias_ = memory({{1, outputs}, memory::data_type::f32, memory::format_tag::ab}, onednn.engine);
    auto* values = static_cast<float*>(bias_.get_data_handle());
    std::fill_n(values, outputs, 0.0f);
    std::copy(bias.begin(), bias.end(), values);
    memory plain({{inputs, outputs}, memory::data_type::f32, memory::format_tag::ba}, onednn.engine,
                 const_cast<float*>(weight.data()));
    dnnl::reorder(plain, weight_).execute(onednn.stream, plain, weight_);
    onednn.stream.wait();
  });
}

dnnl::matmul::primitive_desc PackedLinear::describe(int rows, const memory::desc& weight) const {
  const auto matrix = [](int height, int width) {
    return memory::desc({height, width}, memory::data_type::f32, memory::format_tag::ab);
  };
  dnnl::post_ops ops;
  if (post_ == Post::gelu) ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
  if (post_ == Post::relu) ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
  if (post_ == Post::add) ops.append_sum(1.0f);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  return {{matrix(rows, inputs_), weight, matrix(1, outputs_), matrix(rows, outputs_)}, attributes, onednn_->engine};
}

void PackedLinear::run(int rows, const float* x, float* y) {
  with_onednn("a matrix product", [&] {
    auto found = by_rows_.find(rows);
    if (found == by_rows_.end()) {
      constexpr size_t kMaxPrimitives = 16;
      if (by_rows_.size() >= kMaxPrimitives) by_rows_.clear();
      found = by_rows_.emplace(rows, dnnl::matmul(describe(rows, weight_.get_desc()))).first;
    }
    memory source({{rows, inputs_}, memory::data_type::f32, memory::format_tag::ab}, onednn_->engine,
                  const_cast<float*>(x));
    memory target({{rows, outputs_}, memory::data_type::f32, memory::format_tag::ab}, onednn_->engine, y);
    found->second.execute(
        onednn_->stream,
        {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weight_}, {DNNL_ARG_BIAS, bias_}, {DNNL_ARG_DST, target}});
    onednn_->stream.wait();
  });
}

}  // namespace fsfm
