#include "kernels/matmul.h"

#include <unordered_map>

namespace fsfm {

using dnnl::memory;

memory::desc matrix_layout(int64_t rows, int64_t columns, memory::data_type type, Transpose transposed) {
  return {{rows, columns}, type, transposed == Transpose::yes ? memory::format_tag::ba : memory::format_tag::ab};
}

Matmul::Matmul(const OneDnn& onednn, const MatmulShape& shape)
    : Matmul(onednn, shape,
             shape.packed ? memory::desc({shape.k, shape.n}, shape.weights, memory::format_tag::any)
                          : matrix_layout(shape.k, shape.n, shape.weights, shape.b)) {}

Matmul::Matmul(const OneDnn& onednn, const MatmulShape& shape, const memory::desc& b_layout)
    : a_(matrix_layout(shape.m, shape.k, shape.in, shape.a)), c_(matrix_layout(shape.m, shape.n, shape.out)) {
  if (shape.biased) bias_ = matrix_layout(1, shape.n, memory::data_type::f32);
  dnnl::post_ops ops;
  if (shape.post == Post::gelu) onednn::append_eltwise(ops, dnnl::algorithm::eltwise_gelu_erf);
  if (shape.post == Post::relu) onednn::append_eltwise(ops, dnnl::algorithm::eltwise_relu);
  if (shape.post == Post::add) ops.append_sum(1.0f);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(ops);
  // oneDNN's own memory belongs to the thread that made the product; ours to the one that runs it.
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto description = onednn::matmul(onednn.engine, a_, b_layout, bias_, c_, attributes);
  b_ = description.weights_desc();
  scratch_ = description.scratchpad_desc();
  matmul_ = dnnl::matmul(description);
}

void Matmul::run(OneDnn& onednn, const void* a, const memory& b, const float* bias, void* c) {
  // oneDNN takes mutable pointers for what it only reads.
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, memory(a_, onednn.engine, const_cast<void*>(a))},
                                               {DNNL_ARG_WEIGHTS, b},
                                               {DNNL_ARG_DST, memory(c_, onednn.engine, c)}};
  if (bias != nullptr) arguments[DNNL_ARG_BIAS] = memory(bias_, onednn.engine, const_cast<float*>(bias));
  if (const size_t bytes = scratch_.get_size(); bytes > 0)
    arguments[DNNL_ARG_SCRATCHPAD] =
        memory(scratch_, onednn.engine, onednn.scratch<std::byte>(OneDnn::kProductSlot, bytes));
  matmul_.execute(onednn.stream, arguments);
  onednn.stream.wait();
}

}  // namespace fsfm
