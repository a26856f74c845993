// One matrix product that oneDNN has prepared for fixed sizes and types: what gemm.h and packed_linear.h are made of.
#pragma once

#include <compare>
#include <cstdint>
#include <dnnl.hpp>

#include "kernels/gemm.h"
#include "kernels/onednn.h"

namespace fsfm {

// What happens to each product: C = a b + bias, then the erf form of GELU or ReLU of it, or C += a b + bias.
enum class Post : uint8_t { none, gelu, relu, add };

// C [m, n] = post(op(A) [m, k] * op(B) [k, n] + bias [n]); all dense and row-major as stored.
struct MatmulShape {
  using Type = dnnl::memory::data_type;

  int64_t m = 0, n = 0, k = 0;
  Transpose a = Transpose::no, b = Transpose::no;
  // Of A, of B, of C. Sums and bias are float, with u8 x s8 sums are s32.
  Type in = Type::f32, weights = Type::f32, out = Type::f32;
  bool packed = false;  // B in the layout that oneDNN prefers, which b_layout() then tells
  bool biased = false;
  Post post = Post::none;

  auto operator<=>(const MatmulShape&) const = default;
};

// Thread-compatible. oneDNN's exceptions come out as they are: wrap calls in with_onednn.
class Matmul {
 public:
  Matmul(const OneDnn& onednn, const MatmulShape& shape);
  // For a B that was packed for a product with another m.
  Matmul(const OneDnn& onednn, const MatmulShape& shape, const dnnl::memory::desc& b_layout);

  const dnnl::memory::desc& b_layout() const { return b_; }
  // bias: null unless the shape has one. C must not overlap the others. With an OneDnn (a lane) for each, several
  // threads may run one product at a time.
  void run(OneDnn& onednn, const void* a, const dnnl::memory& b, const float* bias, void* c);

 private:
  dnnl::memory::desc a_, b_, bias_, c_, scratch_;
  dnnl::matmul matmul_;
};

// The description of a dense matrix of `rows` x `columns` after op.
dnnl::memory::desc matrix_layout(int64_t rows, int64_t columns, dnnl::memory::data_type type,
                                 Transpose transposed = Transpose::no);

}  // namespace fsfm
