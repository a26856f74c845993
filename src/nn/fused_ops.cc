#include "nn/fused_ops.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#include "kernels/gelu.h"
#include "kernels/gemm.h"
#include "kernels/layer_norm.h"
#include "kernels/rows.h"
#include "kernels/softmax.h"

namespace fsfm::fused {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows that one task works on. Fixed, so that sums over rows have the same order whatever the number of threads.
constexpr int64_t kRows = 64;

int64_t rows_of(const Tensor& x) { return x.numel() / x.size(-1); }
bool is_bf16(const Tensor& x) { return x.scalar_type() == torch::kBFloat16; }

template <class T = float>
T* data(const Tensor& x) {
  if constexpr (std::is_same_v<T, float>) {
    return x.data_ptr<float>();
  } else {
    return reinterpret_cast<T*>(x.data_ptr<at::BFloat16>());
  }
}

// libtorch 1.13 cannot pass an undefined tensor to a Function: an empty one stands for "absent".
Tensor or_absent(const Tensor& x) { return x.defined() ? x.contiguous() : torch::empty({0}); }
const float* data_or_null(const Tensor& x) { return x.defined() && x.numel() > 0 ? x.data_ptr<float>() : nullptr; }

// body(T{}) with T = float or Bf16, the element type of x.
template <class Body>
void with_type(const Tensor& x, Body&& body) {
  if (is_bf16(x)) {
    body(Bf16{});
  } else {
    body(float{});
  }
}

Tensor empty_rows(const Tensor& x, int64_t width, torch::ScalarType type) {
  auto shape = x.sizes().vec();
  shape.back() = width;
  return torch::empty(shape, type);
}

// body(first row, number of rows, task)
template <class Body>
void for_row_blocks(int64_t rows, Body&& body) {
  const int64_t tasks = (rows + kRows - 1) / kRows;
  at::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) body(task * kRows, std::min(kRows, rows - task * kRows), task);
  });
}

// Runs body(first, count, sums) over blocks of rows, `sums` [width] being zeroed and private to the block; returns
// their total.
template <class Body>
Tensor sum_over_blocks(int64_t rows, int64_t width, Body&& body) {
  const auto partial = torch::zeros({(rows + kRows - 1) / kRows, width});
  for_row_blocks(rows,
                 [&](int64_t first, int64_t count, int64_t task) { body(first, count, data(partial) + task * width); });
  return partial.sum(0);
}

Tensor column_sums(const Tensor& x) {
  const int64_t width = x.size(-1);
  return sum_over_blocks(rows_of(x), width, [&](int64_t first, int64_t count, float* sums) {
    with_type(x, [&]<class T>(T) { kernels::add_columns(data<T>(x) + first * width, sums, count, width); });
  });
}

// x in `type`: gradients of a float result on their way into bfloat16 products.
Tensor as_type(const Tensor& x, torch::ScalarType type) {
  if (x.scalar_type() == type) return x;
  const auto y = torch::empty(x.sizes(), type);
  const int64_t width = x.size(-1);
  for_row_blocks(rows_of(x), [&](int64_t first, int64_t count, int64_t) {
    const int64_t offset = first * width;
    if (type == torch::kBFloat16) {
      kernels::convert(data(x) + offset, data<Bf16>(y) + offset, count * width);
    } else {
      kernels::convert(data<Bf16>(x) + offset, data(y) + offset, count * width);
    }
  });
  return y;
}

// Rows of `out` begin as bias + residual, so that the product can be added to them at no cost.
void begin_with(const Tensor& out, const float* bias, const float* residual) {
  const int64_t width = out.size(-1);
  for_row_blocks(rows_of(out), [&](int64_t first, int64_t count, int64_t) {
    for (int64_t row = first; row < first + count; ++row) {
      float* to = data(out) + row * width;
      const float* from = residual == nullptr ? bias : residual + row * width;
      if (residual == nullptr || bias == nullptr) {
        std::copy(from, from + width, to);
      } else {
        kernels::add(from, bias, to, width);
      }
    }
  });
}

// x [rows, K] * weight^T + bias + residual -> [rows, N] of `type`, which is float when there is a residual.
Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
              torch::ScalarType type) {
  const int64_t rows = rows_of(x), in = x.size(-1), width = weight.size(0);
  const float *b = data_or_null(bias), *r = data_or_null(residual);
  const auto out = empty_rows(x, width, type);
  if (is_bf16(out)) {
    gemm_bf16(Transpose::no, Transpose::yes, rows, width, in, data<Bf16>(x), data(weight), b, 0.0f, data<Bf16>(out));
    return out;
  }
  const bool added = b != nullptr || r != nullptr;
  if (added) begin_with(out, b, r);
  const float beta = added ? 1.0f : 0.0f;
  if (is_bf16(x)) {
    gemm_bf16(Transpose::no, Transpose::yes, rows, width, in, data<Bf16>(x), data(weight), nullptr, beta, data(out));
  } else {
    gemm(Transpose::no, Transpose::yes, rows, width, in, data(x), in, data(weight), in, beta, data(out), width);
  }
  return out;
}

// grad [rows, N] * weight [N, K] -> [rows, K] of grad's type
Tensor input_gradient(const Tensor& grad, const Tensor& weight) {
  const int64_t rows = rows_of(grad), width = weight.size(0), in = weight.size(1);
  const auto grad_x = empty_rows(grad, in, grad.scalar_type());
  if (is_bf16(grad)) {
    gemm_bf16(Transpose::no, Transpose::no, rows, in, width, data<Bf16>(grad), data(weight), nullptr, 0.0f,
              data<Bf16>(grad_x));
  } else {
    gemm(Transpose::no, Transpose::no, rows, in, width, data(grad), width, data(weight), in, 0.0f, data(grad_x), in);
  }
  return grad_x;
}

// grad^T [N, rows] * x [rows, K] -> [N, K] float
Tensor weight_gradient(const Tensor& grad, const Tensor& x) {
  const int64_t rows = rows_of(grad), width = grad.size(-1), in = x.size(-1);
  const auto grad_weight = torch::empty({width, in});
  if (is_bf16(x)) {
    gemm_bf16(Transpose::yes, Transpose::no, width, in, rows, data<Bf16>(grad), data<Bf16>(x), nullptr, 0.0f,
              data(grad_weight));
  } else {
    gemm(Transpose::yes, Transpose::no, width, in, rows, data(grad), width, data(x), in, 0.0f, data(grad_weight), in);
  }
  return grad_weight;
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Tensor& residual, torch::ScalarType type) {
    ctx->save_for_backward({x, weight});
    return affine(x, weight, bias, residual, type);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto full = grads[0].contiguous(), grad = as_type(full, saved[0].scalar_type());
    Tensor grad_x, grad_weight, grad_bias, grad_residual;
    if (ctx->needs_input_grad(0)) grad_x = input_gradient(grad, saved[1]);
    if (ctx->needs_input_grad(1)) grad_weight = weight_gradient(grad, saved[0]);
    if (ctx->needs_input_grad(2)) grad_bias = column_sums(full);
    if (ctx->needs_input_grad(3)) grad_residual = full;
    return {grad_x, grad_weight, grad_bias, grad_residual, Tensor()};
  }
};

struct MlpFunction : torch::autograd::Function<MlpFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight1, const Tensor& bias1,
                        const Tensor& weight2, const Tensor& bias2, const Tensor& residual, bool keep) {
    const auto u = affine(x, weight1, {}, {}, x.scalar_type());  // [.., H], bias still missing
    const auto h = keep ? torch::empty_like(u) : u;
    const int64_t hidden = u.size(-1);
    for_row_blocks(rows_of(u), [&](int64_t first, int64_t count, int64_t) {
      with_type(u, [&]<class T>(T) {
        kernels::bias_gelu(data<T>(u) + first * hidden, data(bias1), data<T>(h) + first * hidden, count, hidden);
      });
    });
    if (keep) ctx->save_for_backward({x, weight1, bias1, weight2, u});
    return affine(h, weight2, bias2, residual, torch::kFloat);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight1 = saved[1], &bias1 = saved[2], &weight2 = saved[3], &u = saved[4];
    const auto full = grads[0].contiguous(), grad = as_type(full, x.scalar_type());
    const auto grad_u = input_gradient(grad, weight2);  // still dL/dh
    const auto h = torch::empty_like(u);
    const int64_t hidden = u.size(-1);
    const auto grad_bias1 = sum_over_blocks(rows_of(u), hidden, [&](int64_t first, int64_t count, float* sums) {
      const int64_t offset = first * hidden;
      with_type(u, [&]<class T>(T) {
        kernels::bias_gelu_backward(data<T>(u) + offset, data(bias1), data<T>(h) + offset, data<T>(grad_u) + offset,
                                    sums, count, hidden);
      });
    });
    const auto grad_weight2 = ctx->needs_input_grad(3) ? weight_gradient(grad, h) : Tensor();
    const auto grad_bias2 = ctx->needs_input_grad(4) ? column_sums(full) : Tensor();
    const auto grad_x = ctx->needs_input_grad(0) ? input_gradient(grad_u, weight1) : Tensor();
    const auto grad_weight1 = ctx->needs_input_grad(1) ? weight_gradient(grad_u, x) : Tensor();
    return {grad_x,  grad_weight1, grad_bias1, grad_weight2, grad_bias2, ctx->needs_input_grad(5) ? full : Tensor(),
            Tensor()};
  }
};

struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, const Tensor& bias, double eps,
                        torch::ScalarType type) {
    const int64_t rows = rows_of(x), width = x.size(-1);
    const auto y = empty_rows(x, width, type), mean = torch::empty({rows}), rstd = torch::empty({rows});
    for_row_blocks(rows, [&](int64_t first, int64_t count, int64_t) {
      with_type(y, [&]<class T>(T) {
        kernels::layer_norm(data(x) + first * width, data(weight), data(bias), data<T>(y) + first * width,
                            data(mean) + first, data(rstd) + first, count, width, static_cast<float>(eps));
      });
    });
    ctx->save_for_backward({x, weight, mean, rstd});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &rstd = saved[3];
    const auto grad = grads[0].contiguous(), grad_x = torch::empty_like(x);
    const int64_t width = x.size(-1);
    const auto sums = sum_over_blocks(rows_of(x), 2 * width, [&](int64_t first, int64_t count, float* both) {
      with_type(grad, [&]<class T>(T) {
        kernels::layer_norm_backward(data<T>(grad) + first * width, data(x) + first * width, data(weight),
                                     data(mean) + first, data(rstd) + first, data(grad_x) + first * width, both,
                                     both + width, count, width);
      });
    });
    return {grad_x, sums.slice(0, 0, width), sums.slice(0, width), Tensor(), Tensor()};
  }
};

// One head of one image inside the packed [B,N,3D] and [B,N,D] tensors.
struct Head {
  int64_t tokens, dim, head_dim;
  float scale;

  Head(const Tensor& qkv, int64_t heads)
      : tokens(qkv.size(1)),
        dim(qkv.size(2) / 3),
        head_dim(dim / heads),
        scale(1.0f / std::sqrt(static_cast<float>(head_dim))) {}

  int64_t scores() const { return tokens * tokens; }
  int64_t values() const { return tokens * head_dim; }

  // Floats [N,d], `row` apart: the tensor's own memory, or a widened copy of bfloat16 in `copy`.
  struct Rows {
    float* at;
    int64_t row;
  };
  Rows read(float* from, int64_t row, float*) const { return {from, row}; }
  Rows read(const Bf16* from, int64_t row, float* copy) const {
    for (int64_t t = 0; t < tokens; ++t) kernels::convert(from + t * row, copy + t * head_dim, head_dim);
    return {copy, head_dim};
  }
  // Where to put results for `to`; finish() brings them there.
  Rows write(float* to, int64_t row, float*) const { return {to, row}; }
  Rows write(Bf16*, int64_t, float* copy) const { return {copy, head_dim}; }
  void finish(const Rows&, float*, int64_t) const {}
  void finish(const Rows& rows, Bf16* to, int64_t row) const {
    for (int64_t t = 0; t < tokens; ++t) kernels::convert(rows.at + t * head_dim, to + t * row, head_dim);
  }

  // p [N,N] <- softmax(scale * q k^T)
  void probabilities(const Rows& q, const Rows& k, float* p) const {
    gemm(Transpose::no, Transpose::yes, tokens, tokens, head_dim, q.at, q.row, k.at, k.row, 0.0f, p, tokens);
    kernels::softmax(p, tokens, tokens, scale);
  }
  // out [N,d] <- op(scores) [N,N] * values [N,d]
  void mix(Transpose transposed, const float* scores, const Rows& values, const Rows& out) const {
    gemm(transposed, Transpose::no, tokens, head_dim, tokens, scores, tokens, values.at, values.row, 0.0f, out.at,
         out.row);
  }
};

// body(offset of the head in qkv, offset in the output, scratch of `floats` values)
template <class Body>
void for_heads(const Tensor& qkv, int64_t heads, const Head& head, int64_t floats, Body&& body) {
  at::parallel_for(0, qkv.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
    const auto scratch = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(floats));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / heads, column = i % heads * head.head_dim;
      body(image * head.tokens * 3 * head.dim + column, image * head.tokens * head.dim + column, scratch.get());
    }
  });
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& qkv, int64_t heads) {
    const Head head(qkv, heads);
    const auto out = torch::empty({qkv.size(0), head.tokens, head.dim}, qkv.options());
    with_type(qkv, [&]<class T>(T) { forward_heads<T>(qkv, heads, head, out); });
    ctx->save_for_backward({qkv});
    ctx->saved_data["heads"] = heads;
    return out;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto qkv = ctx->get_saved_variables()[0];
    const int64_t heads = ctx->saved_data["heads"].toInt();
    const auto grad = grads[0].contiguous(), grad_qkv = torch::empty_like(qkv);
    with_type(qkv, [&]<class T>(T) { backward_heads<T>(qkv, heads, Head(qkv, heads), grad, grad_qkv); });
    return {grad_qkv, Tensor()};
  }

 private:
  template <class T>
  static void forward_heads(const Tensor& qkv, int64_t heads, const Head& head, const Tensor& out) {
    const int64_t row = 3 * head.dim, size = head.values();
    for_heads(qkv, heads, head, head.scores() + 4 * size, [&](int64_t at_qkv, int64_t at_out, float* p) {
      T *from = data<T>(qkv) + at_qkv, *to = data<T>(out) + at_out;
      float* copies = p + head.scores();
      const auto q = head.read(from, row, copies), k = head.read(from + head.dim, row, copies + size);
      const auto v = head.read(from + 2 * head.dim, row, copies + 2 * size),
                 o = head.write(to, head.dim, copies + 3 * size);
      head.probabilities(q, k, p);
      head.mix(Transpose::no, p, v, o);
      head.finish(o, to, head.dim);
    });
  }

  template <class T>
  static void backward_heads(const Tensor& qkv, int64_t heads, const Head& head, const Tensor& grad,
                             const Tensor& grad_qkv) {
    const int64_t row = 3 * head.dim, n = head.tokens, size = head.values();
    for_heads(qkv, heads, head, 2 * head.scores() + 5 * size, [&](int64_t at_qkv, int64_t at_out, float* p) {
      T *from = data<T>(qkv) + at_qkv, *to = data<T>(grad_qkv) + at_qkv;
      float *ds = p + head.scores(), *copies = ds + head.scores();
      const auto q = head.read(from, row, copies), k = head.read(from + head.dim, row, copies + size);
      const auto v = head.read(from + 2 * head.dim, row, copies + 2 * size);
      const auto g = head.read(data<T>(grad) + at_out, head.dim, copies + 3 * size);
      const auto put = [&](Transpose transposed, const float* scores, const Head::Rows& values, T* where) {
        const auto rows = head.write(where, row, copies + 4 * size);
        head.mix(transposed, scores, values, rows);
        head.finish(rows, where, row);
      };
      head.probabilities(q, k, p);
      put(Transpose::yes, p, g, to + 2 * head.dim);
      gemm(Transpose::no, Transpose::yes, n, n, head.head_dim, g.at, g.row, v.at, v.row, 0.0f, ds, n);
      kernels::softmax_backward(p, ds, n, n, head.scale);
      put(Transpose::no, ds, k, to);
      put(Transpose::yes, ds, q, to + head.dim);
    });
  }
};

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual,
              torch::ScalarType type) {
  return LinearFunction::apply(x.contiguous(), weight.contiguous(), or_absent(bias), or_absent(residual), type);
}

Tensor mlp(const Tensor& x, const Tensor& weight1, const Tensor& bias1, const Tensor& weight2, const Tensor& bias2,
           const Tensor& residual) {
  const bool keep =
      torch::GradMode::is_enabled() && (x.requires_grad() || weight1.requires_grad() || weight2.requires_grad() ||
                                        (residual.defined() && residual.requires_grad()));
  return MlpFunction::apply(x.contiguous(), weight1.contiguous(), bias1, weight2.contiguous(), bias2,
                            or_absent(residual), keep);
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps, torch::ScalarType type) {
  return LayerNormFunction::apply(x.contiguous(), weight, bias, eps, type);
}

Tensor attention(const Tensor& qkv, int64_t heads) { return AttentionFunction::apply(qkv.contiguous(), heads); }

}  // namespace fsfm::fused
