// A fully connected layer whose weights are packed once into oneDNN's preferred layout.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/matmul.h"

namespace fsfm {

// What products are computed in. int8: weights symmetric a row, inputs symmetric a token, sums in 32 bits.
enum class ProductType : uint8_t { fp32, bf16, int8 };

// Whether this processor multiplies bytes faster than floats (VNNI) and bfloat16 faster than floats.
bool has_fast_int8();
bool has_fast_bf16();

// Layer normalisation (kernels/layer_norm.h) of the rows that go into a layer: weight, bias [inputs], owned by others.
struct RowNorm {
  const float* weight;
  const float* bias;
  float eps;
};
// x [width] -> y [width], which may be x. Thread-safe.
void normalize_row(const RowNorm& norm, const float* x, float* y, int width);

// y = post(x W^T + b). Thread-compatible; the OneDnn must outlive it.
class PackedLinear {
 public:
  using Post = fsfm::Post;  // add: y += x W^T + b

  PackedLinear() = default;
  // weight: [outputs, inputs] row-major, as PyTorch keeps it; bias: [outputs] or empty. `rows_hint`: the usual number
  // of rows. `type`: fp32 or bf16. Throws Error when oneDNN refuses.
  PackedLinear(OneDnn& onednn, std::span<const float> weight, std::span<const float> bias, int inputs, int outputs,
               Post post, int rows_hint, ProductType type = ProductType::fp32);
  // In int8: weight[o, i] = values[o, i] * scales[o]. `post` is none, gelu or add.
  PackedLinear(OneDnn& onednn, std::span<const int8_t> values, std::span<const float> scales,
               std::span<const float> bias, int inputs, int outputs, Post post, int rows_hint);

  // The same layer for another thread: the packed weights are shared, all else is its own. Thread-safe beside other
  // calls of it, not beside run().
  PackedLinear for_thread_of(OneDnn& onednn) const;

  // x: [rows, inputs] -> y: [rows, outputs]; they must not overlap, and need no alignment. With `norm` the rows of x
  // are normalised on their way.
  void run(int rows, const float* x, float* y, const RowNorm* norm = nullptr);
  // The product without what stands around it (conversions, bias and activation of int8): the limit in benchmarks.
  void multiply_only(int rows, const float* x, float* y);
  int outputs() const { return outputs_; }

 private:
  friend class PackedMlp;
  struct Panels;

  void pack(const void* weight, dnnl::memory::data_type stored, int rows_hint);
  void run_bytes(int rows, const float* x, float* y, const RowNorm* norm);
  void run_halves(int rows, const float* x, float* y, const RowNorm* norm);
  // Of int8, for a panel of rows on one thread, after prepare(): x [rows, inputs] -> bytes and a scale for each row, to
  // sums [rows, outputs], each row of which finish() makes a row of y.
  void prepare(const Panels& panels);
  void multiply(OneDnn& lane, int rows, const uint8_t* bytes, int32_t* sums);
  // Of bf16, likewise: y [rows, outputs] in float, or in bfloat16 with halves_out_.
  void multiply(OneDnn& lane, int rows, const Bf16* halves, void* y);
  void finish(const int32_t* sums, float scale, float* y) const;
  Matmul& product_of(int rows);
  MatmulShape shape(int rows) const;

  OneDnn* onednn_ = nullptr;
  int inputs_ = 0, outputs_ = 0;
  Post post_ = Post::none;
  ProductType type_ = ProductType::fp32;
  bool halves_out_ = false;  // of bf16, before another product
  dnnl::memory weight_;
  std::vector<float> bias_, scales_;  // scales: int8 only
  std::vector<int32_t> offset_;       // [outputs] 128 times the sum of each weight row: what the inputs' offset adds
  std::map<int, Matmul> by_rows_;     // a product is made for one number of rows
};

// x += second(gelu(first(norm(x)))): what follows attention in a block of a transformer. In int8 and bf16 a panel of
// rows goes through all of it on one thread: the wide rows in the middle never leave that core's caches.
// Thread-compatible.
class PackedMlp {
 public:
  PackedMlp() = default;
  // `first` ends in Post::gelu, `second` in Post::add, of one type and one OneDnn; `second` has as many outputs as
  // `first` has inputs.
  PackedMlp(PackedLinear first, PackedLinear second);
  // PackedLinear::for_thread_of of both.
  PackedMlp for_thread_of(OneDnn& onednn) const;

  // x: [rows, inputs of `first`]; needs no alignment.
  void run(int rows, float* x, const RowNorm& norm);

 private:
  PackedLinear first_, second_;
};

}  // namespace fsfm
