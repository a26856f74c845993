#include "nn/gemm.h"

#include <dnnl.hpp>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>

#include "base/error.h"

namespace fsfm {
namespace {

using dnnl::memory;

memory::desc matrix(Transpose transposed, int64_t rows, int64_t columns, memory::data_type type) {
  return {{rows, columns}, type, transposed == Transpose::yes ? memory::format_tag::ba : memory::format_tag::ab};
}

template <class T>
constexpr memory::data_type kType = sizeof(T) == sizeof(float) ? memory::data_type::f32 : memory::data_type::bf16;

// Products of this thread by shape: making one costs as much as a small product.
class ProductCache {
 public:
  struct Product {
    memory::desc a, b, bias, c;  // as the caller holds them
    dnnl::matmul matmul;
    dnnl::reorder pack;  // empty unless B is float
    memory packed;       // B as the product wants it
  };

  template <class B, class C>
  Product& find(Transpose a_transposed, Transpose b_transposed, int64_t m, int64_t n, int64_t k, bool biased,
                bool accumulate) {
    const Key key{
        m,         n,      k,         a_transposed == Transpose::yes, b_transposed == Transpose::yes, sizeof(B),
        sizeof(C), biased, accumulate};
    if (const auto found = products_.find(key); found != products_.end()) return found->second;
    if (products_.size() >= kMaxProducts) products_.clear();
    Product product;
    product.a = matrix(a_transposed, m, k, memory::data_type::bf16);
    product.b = matrix(b_transposed, k, n, kType<B>);
    product.c = matrix(Transpose::no, m, n, kType<C>);
    constexpr bool kPack = sizeof(B) == sizeof(float);
    const memory::desc wanted =
        kPack ? memory::desc({k, n}, memory::data_type::bf16, memory::format_tag::any) : product.b;
    dnnl::primitive_attr attributes;
    if (accumulate) {
      dnnl::post_ops post_ops;
      post_ops.append_sum(1.0f);
      attributes.set_post_ops(post_ops);
    }
    product.bias = {{1, n}, memory::data_type::f32, memory::format_tag::ab};
    const auto work = biased ? dnnl::matmul::desc(product.a, wanted, product.bias, product.c)
                             : dnnl::matmul::desc(product.a, wanted, product.c);
    const dnnl::matmul::primitive_desc description(work, attributes, engine);
    product.matmul = dnnl::matmul(description);
    if (kPack) {
      product.packed = memory(description.weights_desc(), engine);
      product.pack =
          dnnl::reorder(dnnl::reorder::primitive_desc(engine, product.b, engine, description.weights_desc()));
    }
    return products_.emplace(key, std::move(product)).first->second;
  }

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};

 private:
  using Key = std::tuple<int64_t, int64_t, int64_t, bool, bool, size_t, size_t, bool, bool>;
  static constexpr size_t kMaxProducts = 256;
  std::map<Key, Product> products_;
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
    auto& product = cache.find<B, C>(a_transposed, b_transposed, m, n, k, bias != nullptr, beta != 0.0f);
    // oneDNN takes mutable pointers for what it only reads.
    memory a_memory(product.a, cache.engine, const_cast<Bf16*>(a)),
        b_memory(product.b, cache.engine, const_cast<B*>(b));
    memory c_memory(product.c, cache.engine, c);
    if (product.pack) product.pack.execute(cache.stream, b_memory, product.packed);
    std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, a_memory},
                                                 {DNNL_ARG_WEIGHTS, product.pack ? product.packed : b_memory},
                                                 {DNNL_ARG_DST, c_memory}};
    if (bias != nullptr) arguments[DNNL_ARG_BIAS] = memory(product.bias, cache.engine, const_cast<float*>(bias));
    product.matmul.execute(cache.stream, arguments);
    cache.stream.wait();
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

}  // namespace fsfm
