#include "kernels/packed_linear.h"

#include <algorithm>

#include "kernels/bf16.h"
#include "kernels/gelu.h"
#include "kernels/quantize.h"

namespace fsfm {
namespace {

using dnnl::memory;

constexpr int kPanel = 256;            // rows whose 32-bit sums stay in the caches
constexpr int32_t kInputOffset = 128;  // of the unsigned inputs (kernels/quantize.h)

bool isa_is_one_of(std::initializer_list<dnnl::cpu_isa> kinds) {
  return std::find(kinds.begin(), kinds.end(), dnnl::get_effective_cpu_isa()) != kinds.end();
}

}  // namespace

bool has_fast_int8() {
  using dnnl::cpu_isa;
  return isa_is_one_of(
             {cpu_isa::avx2_vnni, cpu_isa::avx512_core_vnni, cpu_isa::avx512_core_bf16, cpu_isa::avx512_core_amx}) ||
         has_fast_bf16();
}

bool has_fast_bf16() {
  using dnnl::cpu_isa;
  return isa_is_one_of({cpu_isa::avx512_core_bf16, cpu_isa::avx512_core_amx});
}

PackedLinear::PackedLinear(OneDnn& onednn, std::span<const float> weight, std::span<const float> bias, int inputs,
                           int outputs, Post post, int rows_hint, ProductType type)
    : onednn_(&onednn), inputs_(inputs), outputs_(outputs), post_(post), type_(type), bias_(bias.begin(), bias.end()) {
  bias_.resize(static_cast<size_t>(outputs), 0.0f);
  pack(weight.data(), memory::data_type::f32, rows_hint);
}

PackedLinear::PackedLinear(OneDnn& onednn, std::span<const int8_t> values, std::span<const float> scales,
                           std::span<const float> bias, int inputs, int outputs, Post post, int rows_hint)
    : onednn_(&onednn),
      inputs_(inputs),
      outputs_(outputs),
      post_(post),
      type_(ProductType::int8),
      bias_(bias.begin(), bias.end()),
      scales_(scales.begin(), scales.end()) {
  bias_.resize(static_cast<size_t>(outputs), 0.0f);
  for (int o = 0; o < outputs; ++o) {
    int32_t sum = 0;
    for (int i = 0; i < inputs; ++i) sum += values[static_cast<size_t>(o) * inputs + i];
    offset_.push_back(kInputOffset * sum);
  }
  pack(values.data(), memory::data_type::s8, std::min(rows_hint, kPanel));
}

void PackedLinear::pack(const void* weight, memory::data_type stored, int rows_hint) {
  with_onednn("packing a layer's weights", [&] {
    weight_ = memory(Matmul(*onednn_, shape(rows_hint)).b_layout(), onednn_->engine);
    memory plain(matrix_layout(inputs_, outputs_, stored, Transpose::yes), onednn_->engine, const_cast<void*>(weight));
    dnnl::reorder(plain, weight_).execute(onednn_->stream, plain, weight_);
    onednn_->stream.wait();
  });
}

MatmulShape PackedLinear::shape(int rows) const {
  MatmulShape shape{.m = rows, .n = outputs_, .k = inputs_, .packed = true, .biased = true, .post = post_};
  using Type = MatmulShape::Type;
  if (type_ == ProductType::bf16) shape.in = shape.weights = Type::bf16;
  if (type_ == ProductType::int8) {
    shape.in = Type::u8;
    shape.weights = Type::s8;
    shape.out = Type::s32;
    shape.biased = false;
    shape.post = Post::none;
  }
  return shape;
}

Matmul& PackedLinear::product_of(int rows) {
  auto found = by_rows_.find(rows);
  if (found == by_rows_.end()) {
    constexpr size_t kMaxProducts = 16;
    if (by_rows_.size() >= kMaxProducts) by_rows_.clear();
    found = by_rows_.emplace(rows, Matmul(*onednn_, shape(rows), weight_.get_desc())).first;
  }
  return found->second;
}

void PackedLinear::run(int rows, const float* x, float* y) {
  with_onednn("a matrix product", [&] {
    if (type_ == ProductType::int8) {
      for (int first = 0; first < rows; first += kPanel)
        run_bytes(std::min(kPanel, rows - first), x + static_cast<size_t>(first) * inputs_,
                  y + static_cast<size_t>(first) * outputs_);
      return;
    }
    const void* inputs = x;
    if (type_ == ProductType::bf16) {
      auto* halves = onednn_->scratch<Bf16>(0, static_cast<size_t>(rows) * inputs_);
#pragma omp parallel for
      for (int row = 0; row < rows; ++row)
        kernels::convert(x + static_cast<size_t>(row) * inputs_, halves + static_cast<size_t>(row) * inputs_, inputs_);
      inputs = halves;
    }
    product_of(rows).run(*onednn_, inputs, weight_, bias_.data(), y);
  });
}

void PackedLinear::multiply_only(int rows, const float* x, float* y) {
  with_onednn("a matrix product", [&] {
    if (type_ == ProductType::fp32) return product_of(rows).run(*onednn_, x, weight_, bias_.data(), y);
    const size_t each = type_ == ProductType::int8 ? sizeof(uint8_t) : sizeof(Bf16);
    const auto* inputs = onednn_->scratch<std::byte>(0, static_cast<size_t>(rows) * inputs_ * each);
    product_of(rows).run(*onednn_, inputs, weight_, type_ == ProductType::int8 ? nullptr : bias_.data(), y);
  });
}

void PackedLinear::run_bytes(int rows, const float* x, float* y) {
  auto* bytes = onednn_->scratch<uint8_t>(0, static_cast<size_t>(rows) * inputs_);
  auto* sums = onednn_->scratch<int32_t>(1, static_cast<size_t>(rows) * outputs_);
  auto* scales = onednn_->scratch<float>(2, static_cast<size_t>(rows));
#pragma omp parallel for
  for (int row = 0; row < rows; ++row)
    scales[row] = kernels::quantize_row(x + static_cast<size_t>(row) * inputs_,
                                        bytes + static_cast<size_t>(row) * inputs_, inputs_);
  product_of(rows).run(*onednn_, bytes, weight_, nullptr, sums);
#pragma omp parallel for
  for (int row = 0; row < rows; ++row) {
    float* out = y + static_cast<size_t>(row) * outputs_;
    if (post_ == Post::gelu) {  // the bias goes into the activation's kernel
      kernels::dequantize_row(sums + static_cast<size_t>(row) * outputs_, offset_.data(), scales[row], scales_.data(),
                              nullptr, out, outputs_, false);
      kernels::bias_gelu(out, bias_.data(), out, 1, outputs_);
    } else {
      kernels::dequantize_row(sums + static_cast<size_t>(row) * outputs_, offset_.data(), scales[row], scales_.data(),
                              bias_.data(), out, outputs_, post_ == Post::add);
    }
  }
}

}  // namespace fsfm
