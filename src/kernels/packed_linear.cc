#include "kernels/packed_linear.h"

#include <algorithm>
#include <exception>
#include <optional>

#include "kernels/bf16.h"
#include "kernels/gelu.h"
#include "kernels/quantize.h"

namespace fsfm {
namespace {

using dnnl::memory;

constexpr int kPanel = 128;            // rows whose bytes and 32-bit sums stay in a core's caches
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
    std::optional<ScopedThreads> alone;  // oneDNN deals a product out when it is made: panels belong to one thread each
    if (type_ == ProductType::int8) alone.emplace(1);
    found = by_rows_.emplace(rows, Matmul(*onednn_, shape(rows), weight_.get_desc())).first;
  }
  return found->second;
}

template <class Work>
void PackedLinear::for_panels(int rows, Work work) {
  if (rows == 0) return;
  const int threads = omp_get_max_threads();
  const int least = (rows + kPanel - 1) / kPanel, panels = (least + threads - 1) / threads * threads;
  const int size = (rows + panels - 1) / panels, count = (rows + size - 1) / size, rest = rows - (count - 1) * size;
  product_of(size);
  Matmul& last = product_of(rest);
  Matmul& whole = product_of(size);  // again: making the other may have dropped it
  onednn_->make_lanes(threads);
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
  for (int panel = 0; panel < count; ++panel) try {
      const bool at_end = panel == count - 1;
      work(onednn_->lane(omp_get_thread_num()), at_end ? last : whole, panel * size, at_end ? rest : size);
    } catch (...) {
#pragma omp critical(packed_linear_failure)
      failure = std::current_exception();
    }
  if (failure) std::rethrow_exception(failure);
}

void PackedLinear::run(int rows, const float* x, float* y) {
  with_onednn("a matrix product", [&] {
    if (type_ == ProductType::int8) return run_bytes(rows, x, y);
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
    if (type_ == ProductType::int8)
      return for_panels(rows, [&](OneDnn& lane, Matmul& product, int, int count) {
        product.run(lane, lane.scratch<uint8_t>(0, static_cast<size_t>(count) * inputs_), weight_, nullptr,
                    lane.scratch<int32_t>(1, static_cast<size_t>(count) * outputs_));
      });
    const auto* inputs = onednn_->scratch<Bf16>(0, static_cast<size_t>(rows) * inputs_);
    product_of(rows).run(*onednn_, inputs, weight_, bias_.data(), y);
  });
}

// A panel goes from floats to bytes, to sums, to floats on one thread: nobody waits in between, and the sums never
// leave that core's cache.
void PackedLinear::run_bytes(int rows, const float* x, float* y) {
  for_panels(rows, [&](OneDnn& lane, Matmul& product, int first, int count) {
    auto* bytes = lane.scratch<uint8_t>(0, static_cast<size_t>(count) * inputs_);
    auto* sums = lane.scratch<int32_t>(1, static_cast<size_t>(count) * outputs_);
    auto* scales = lane.scratch<float>(2, static_cast<size_t>(count));
    for (int row = 0; row < count; ++row)
      scales[row] = kernels::quantize_row(x + static_cast<size_t>(first + row) * inputs_,
                                          bytes + static_cast<size_t>(row) * inputs_, inputs_);
    product.run(lane, bytes, weight_, nullptr, sums);
    for (int row = 0; row < count; ++row) {
      const int32_t* sum = sums + static_cast<size_t>(row) * outputs_;
      float* out = y + static_cast<size_t>(first + row) * outputs_;
      const bool gelu = post_ == Post::gelu;  // the bias goes into the activation's kernel
      kernels::dequantize_row(sum, offset_.data(), scales[row], scales_.data(), gelu ? nullptr : bias_.data(), out,
                              outputs_, post_ == Post::add);
      if (gelu) kernels::bias_gelu(out, bias_.data(), out, 1, outputs_);
    }
  });
}

}  // namespace fsfm
