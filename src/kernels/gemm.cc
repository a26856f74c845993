#include "kernels/gemm.h"

#include <map>
#include <string>

#include "base/error.h"
#include "kernels/matmul.h"

namespace fsfm {
namespace {

using dnnl::memory;

template <class T>
constexpr memory::data_type kType = sizeof(T) == sizeof(float) ? memory::data_type::f32 : memory::data_type::bf16;

// Products of this thread by shape: making one costs as much as a small product.
class ProductCache {
 public:
  struct Product {
    Matmul matmul;
    dnnl::reorder pack;  // empty unless B is float
    memory::desc b;      // as the caller holds it
    memory packed;       // as the product wants it
  };

  Product& find(const MatmulShape& shape) {
    if (const auto found = products_.find(shape); found != products_.end()) return found->second;
    if (products_.size() >= kMaxProducts) products_.clear();
    Product product{Matmul(onednn, shape), {}, matrix_layout(shape.k, shape.n, shape.weights, shape.b), {}};
    if (shape.packed) {
      product.b = matrix_layout(shape.k, shape.n, memory::data_type::f32, shape.b);
      product.packed = memory(product.matmul.b_layout(), onednn.engine);
      product.pack = dnnl::reorder(
          dnnl::reorder::primitive_desc(onednn.engine, product.b, onednn.engine, product.matmul.b_layout()));
    }
    return products_.emplace(shape, std::move(product)).first->second;
  }

  OneDnn onednn;

 private:
  static constexpr size_t kMaxProducts = 256;
  std::map<MatmulShape, Product> products_;
};

}  // namespace

void gemm(Transpose a_transposed, Transpose b_transposed, int64_t m, int64_t n, int64_t k, const float* a, int64_t lda,
          const float* b, int64_t ldb, float beta, float* c, int64_t ldc) {
  const auto letter = [](Transpose t) { return t == Transpose::yes ? 'T' : 'N'; };
  const auto status =
      dnnl_sgemm(letter(a_transposed), letter(b_transposed), m, n, k, 1.0f, a, lda, b, ldb, beta, c, ldc);
  if (status != dnnl_success) throw InternalError("oneDNN refused a matrix product, status " + std::to_string(status));
}

template <class B, class C>
void gemm_bf16(Transpose a_transposed, Transpose b_transposed, int64_t m, int64_t n, int64_t k, const Bf16* a,
               const B* b, const float* bias, float beta, C* c) {
  static thread_local ProductCache cache;
  try {
    auto& product = cache.find({.m = m,
                                .n = n,
                                .k = k,
                                .a = a_transposed,
                                .b = b_transposed,
                                .in = memory::data_type::bf16,
                                .weights = memory::data_type::bf16,
                                .out = kType<C>,
                                .packed = sizeof(B) == sizeof(float),
                                .biased = bias != nullptr,
                                .post = beta != 0.0f ? Post::add : Post::none});
    memory b_memory(product.b, cache.onednn.engine, const_cast<B*>(b));  // only read
    if (product.pack) product.pack.execute(cache.onednn.stream, b_memory, product.packed);
    product.matmul.run(cache.onednn, a, product.pack ? product.packed : b_memory, bias, c);
  } catch (const dnnl::error& error) {
    throw InternalError(std::string("oneDNN refused a bfloat16 product: ") + error.message);
  }
}

template void gemm_bf16(Transpose, Transpose, int64_t, int64_t, int64_t, const Bf16*, const float*, const float*, float,
                        float*);
template void gemm_bf16(Transpose, Transpose, int64_t, int64_t, int64_t, const Bf16*, const float*, const float*, float,
                        Bf16*);
template void gemm_bf16(Transpose, Transpose, int64_t, int64_t, int64_t, const Bf16*, const Bf16*, const float*, float,
                        float*);

bool bf16_products_are_fast() {
#if defined(__x86_64__)
  const auto isa = dnnl_get_effective_cpu_isa();
  if ((isa & dnnl_cpu_isa_avx512_core_bf16) != dnnl_cpu_isa_avx512_core_bf16) return false;
  __builtin_cpu_init();
  return (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx || __builtin_cpu_is("amd");
#else
  return false;
#endif
}

}  // namespace fsfm
