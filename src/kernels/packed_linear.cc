#include "kernels/packed_linear.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "kernels/gelu.h"
#include "kernels/layer_norm.h"
#include "kernels/quantize.h"

namespace fsfm {
namespace {

using dnnl::memory;

constexpr int kPanel = 128;            // rows whose bytes and 32-bit sums stay in a core's caches
constexpr int32_t kInputOffset = 128;  // of the unsigned inputs (kernels/quantize.h)

// A row of floats, through `norm` if there is one, as bytes; returns their scale.
float to_bytes(OneDnn& lane, const float* x, uint8_t* bytes, int width, const RowNorm* norm) {
  if (norm != nullptr) {
    auto* normed = lane.scratch<float>(OneDnn::kRowSlot, static_cast<size_t>(width));
    normalize_row(*norm, x, normed, width);
    x = normed;
  }
  return kernels::quantize_row(x, bytes, width);
}

// Rows of floats, through `norm` if there is one, as bfloat16.
void to_halves(const float* x, Bf16* halves, int rows, int width, const RowNorm* norm) {
  if (norm != nullptr)
    kernels::layer_norm(x, norm->weight, norm->bias, halves, nullptr, nullptr, rows, width, norm->eps);
  else
    kernels::convert(x, halves, static_cast<int64_t>(rows) * width);
}

bool isa_is_one_of(std::initializer_list<dnnl::cpu_isa> kinds) {
  return std::find(kinds.begin(), kinds.end(), dnnl::get_effective_cpu_isa()) != kinds.end();
}

}  // namespace

void normalize_row(const RowNorm& norm, const float* x, float* y, int width) {
  kernels::layer_norm(x, norm.weight, norm.bias, y, nullptr, nullptr, 1, width, norm.eps);
}

// How rows are dealt out: `count` panels of `size` rows, the last of `rest`.
struct PackedLinear::Panels {
  int size, count, rest;

  explicit Panels(int rows) {
    const int threads = omp_get_max_threads(), least = (rows + kPanel - 1) / kPanel;
    const int wanted = (least + threads - 1) / threads * threads;
    size = (rows + wanted - 1) / wanted;
    count = (rows + size - 1) / size;
    rest = rows - (count - 1) * size;
  }

  // Calls work(lane, first row, rows) for each panel on one thread.
  template <class Work>
  void run(OneDnn& onednn, Work work) const {
    onednn.make_lanes(omp_get_max_threads());
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic)
    for (int panel = 0; panel < count; ++panel) try {
        work(onednn.lane(omp_get_thread_num()), panel * size, panel == count - 1 ? rest : size);
      } catch (...) {
#pragma omp critical(packed_linear_failure)
        failure = std::current_exception();
      }
    if (failure) std::rethrow_exception(failure);
  }
};

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

PackedLinear PackedLinear::for_thread_of(OneDnn& onednn) const {
  PackedLinear other = *this;  // a dnnl::memory is a handle
  other.onednn_ = &onednn;
  other.by_rows_.clear();
  return other;
}

MatmulShape PackedLinear::shape(int rows) const {
  MatmulShape shape{.m = rows, .n = outputs_, .k = inputs_, .packed = true, .biased = true, .post = post_};
  using Type = MatmulShape::Type;
  if (type_ == ProductType::bf16) shape.in = shape.weights = Type::bf16;
  if (halves_out_) shape.out = Type::bf16;
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
    if (type_ != ProductType::fp32) alone.emplace(1);
    found = by_rows_.emplace(rows, Matmul(*onednn_, shape(rows), weight_.get_desc())).first;
  }
  return found->second;
}

void PackedLinear::prepare(const Panels& panels) {
  product_of(panels.size);
  product_of(panels.rest);
  product_of(panels.size);  // again: making the other may have dropped it
}

void PackedLinear::multiply(OneDnn& lane, int rows, const uint8_t* bytes, int32_t* sums) {
  by_rows_.at(rows).run(lane, bytes, weight_, nullptr, sums);
}

void PackedLinear::finish(const int32_t* sums, float scale, float* y) const {
  const bool gelu = post_ == Post::gelu;  // the bias goes into the activation's kernel
  kernels::dequantize_row(sums, offset_.data(), scale, scales_.data(), gelu ? nullptr : bias_.data(), y, outputs_,
                          post_ == Post::add);
  if (gelu) kernels::bias_gelu(y, bias_.data(), y, 1, outputs_);
}

void PackedLinear::run(int rows, const float* x, float* y, const RowNorm* norm) {
  if (rows == 0) return;
  with_onednn("a matrix product", [&] {
    if (type_ == ProductType::int8) return run_bytes(rows, x, y, norm);
    if (type_ == ProductType::bf16) return run_halves(rows, x, y, norm);
    const float* inputs = x;
    if (norm != nullptr) {
      auto* normed = onednn_->scratch<float>(0, static_cast<size_t>(rows) * inputs_);
#pragma omp parallel for
      for (int row = 0; row < rows; ++row)
        normalize_row(*norm, x + static_cast<size_t>(row) * inputs_, normed + static_cast<size_t>(row) * inputs_,
                      inputs_);
      inputs = normed;
    }
    product_of(rows).run(*onednn_, inputs, weight_, bias_.data(), y);
  });
}

void PackedLinear::multiply_only(int rows, const float* x, float* y) {
  if (rows == 0) return;
  with_onednn("a matrix product", [&] {
    if (type_ == ProductType::fp32) return product_of(rows).run(*onednn_, x, weight_, bias_.data(), y);
    if (type_ == ProductType::int8) {
      const Panels panels(rows);
      prepare(panels);
      return panels.run(*onednn_, [&](OneDnn& lane, int, int count) {
        multiply(lane, count, lane.scratch<uint8_t>(0, static_cast<size_t>(count) * inputs_),
                 lane.scratch<int32_t>(1, static_cast<size_t>(count) * outputs_));
      });
    }
    const Panels panels(rows);
    prepare(panels);
    panels.run(*onednn_, [&](OneDnn& lane, int first, int count) {
      multiply(lane, count, lane.scratch<Bf16>(0, static_cast<size_t>(count) * inputs_),
               y + static_cast<size_t>(first) * outputs_);
    });
  });
}

void PackedLinear::multiply(OneDnn& lane, int rows, const Bf16* halves, void* y) {
  by_rows_.at(rows).run(lane, halves, weight_, bias_.data(), y);
}

// In panels as in int8: a panel's halves never leave that core's cache.
void PackedLinear::run_halves(int rows, const float* x, float* y, const RowNorm* norm) {
  const Panels panels(rows);
  prepare(panels);
  panels.run(*onednn_, [&](OneDnn& lane, int first, int count) {
    auto* halves = lane.scratch<Bf16>(0, static_cast<size_t>(count) * inputs_);
    to_halves(x + static_cast<size_t>(first) * inputs_, halves, count, inputs_, norm);
    multiply(lane, count, halves, y + static_cast<size_t>(first) * outputs_);
  });
}

// A panel goes from floats to bytes, to sums, to floats on one thread: nobody waits in between, and the sums never
// leave that core's cache.
void PackedLinear::run_bytes(int rows, const float* x, float* y, const RowNorm* norm) {
  const Panels panels(rows);
  prepare(panels);
  panels.run(*onednn_, [&](OneDnn& lane, int first, int count) {
    auto* bytes = lane.scratch<uint8_t>(0, static_cast<size_t>(count) * inputs_);
    auto* sums = lane.scratch<int32_t>(1, static_cast<size_t>(count) * outputs_);
    auto* scales = lane.scratch<float>(2, static_cast<size_t>(count));
    for (int row = 0; row < count; ++row)
      scales[row] = to_bytes(lane, x + static_cast<size_t>(first + row) * inputs_,
                             bytes + static_cast<size_t>(row) * inputs_, inputs_, norm);
    multiply(lane, count, bytes, sums);
    for (int row = 0; row < count; ++row)
      finish(sums + static_cast<size_t>(row) * outputs_, scales[row], y + static_cast<size_t>(first + row) * outputs_);
  });
}

PackedMlp::PackedMlp(PackedLinear first, PackedLinear second) : first_(std::move(first)), second_(std::move(second)) {
  first_.halves_out_ = first_.type_ == ProductType::bf16;
}

PackedMlp PackedMlp::for_thread_of(OneDnn& onednn) const {
  return {first_.for_thread_of(onednn), second_.for_thread_of(onednn)};
}

void PackedMlp::run(int rows, float* x, const RowNorm& norm) {
  if (rows == 0) return;
  OneDnn& onednn = *first_.onednn_;
  const int width = first_.inputs_, middle = first_.outputs_;
  if (first_.type_ == ProductType::fp32) {
    auto* hidden = onednn.scratch<float>(1, static_cast<size_t>(rows) * middle);
    first_.run(rows, x, hidden, &norm);
    return second_.run(rows, hidden, x);
  }
  with_onednn("a matrix product", [&] {
    const PackedLinear::Panels panels(rows);
    first_.prepare(panels);
    second_.prepare(panels);
    if (first_.type_ == ProductType::bf16)
      return panels.run(onednn, [&](OneDnn& lane, int from, int count) {
        float* rows_of_x = x + static_cast<size_t>(from) * width;
        auto* halves = lane.scratch<Bf16>(0, static_cast<size_t>(count) * width);
        auto* hidden = lane.scratch<Bf16>(1, static_cast<size_t>(count) * middle);
        to_halves(rows_of_x, halves, count, width, &norm);
        first_.multiply(lane, count, halves, hidden);
        second_.multiply(lane, count, hidden, rows_of_x);
      });
    panels.run(onednn, [&](OneDnn& lane, int from, int count) {
      auto* bytes = lane.scratch<uint8_t>(0, static_cast<size_t>(count) * middle);
      auto* sums = lane.scratch<int32_t>(1, static_cast<size_t>(count) * middle);
      auto* scales = lane.scratch<float>(2, static_cast<size_t>(count));
      const auto row_of = [&](int row) { return x + static_cast<size_t>(from + row) * width; };
      for (int row = 0; row < count; ++row)
        scales[row] = to_bytes(lane, row_of(row), bytes + static_cast<size_t>(row) * width, width, &norm);
      first_.multiply(lane, count, bytes, sums);
      auto* wide = lane.scratch<float>(OneDnn::kRowSlot, static_cast<size_t>(middle));
      for (int row = 0; row < count; ++row) {
        first_.finish(sums + static_cast<size_t>(row) * middle, scales[row], wide);
        scales[row] = kernels::quantize_row(wide, bytes + static_cast<size_t>(row) * middle, middle);
      }
      second_.multiply(lane, count, bytes, sums);
      for (int row = 0; row < count; ++row)
        second_.finish(sums + static_cast<size_t>(row) * width, scales[row], row_of(row));
    });
  });
}

}  // namespace fsfm
