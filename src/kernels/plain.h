// The plain forms of the kernels: what each of them computes, in double and without a thought for speed. Tests and
// `fsfm bench kernels` set the kernels beside them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "kernels/adamw.h"
#include "kernels/bf16.h"
#include "kernels/resize_rows.h"

namespace fsfm::kernels::plain {

inline double get(double x) { return x; }
inline double get(Bf16 x) { return to_float(x); }
inline void put(double& y, double x) { y = x; }
inline void put(float& y, double x) { y = static_cast<float>(x); }
inline void put(Bf16& y, double x) { y = to_bf16(static_cast<float>(x)); }

template <class T>
void softmax(T* scores, int64_t rows, int64_t width, double scale) {
  for (int64_t r = 0; r < rows; ++r, scores += width) {
    const double top = *std::max_element(scores, scores + width);
    double sum = 0;
    for (int64_t j = 0; j < width; ++j) sum += std::exp(scale * (scores[j] - top));
    for (int64_t j = 0; j < width; ++j) put(scores[j], std::exp(scale * (scores[j] - top)) / sum);
  }
}

template <class T>
void softmax_backward(const T* p, T* grad, int64_t rows, int64_t width, double scale) {
  for (int64_t r = 0; r < rows; ++r, p += width, grad += width) {
    double dot = 0;
    for (int64_t j = 0; j < width; ++j) dot += get(p[j]) * get(grad[j]);
    for (int64_t j = 0; j < width; ++j) put(grad[j], scale * get(p[j]) * (get(grad[j]) - dot));
  }
}

inline double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
inline double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }

template <class T, class B>
void bias_gelu(const T* u, const B* bias, T* h, int64_t rows, int64_t width) {
  for (int64_t i = 0; i < rows * width; ++i) {
    const double x = get(u[i]) + bias[i % width];
    put(h[i], x * normal_cdf(x));
  }
}

template <class T>
void bias_gelu_backward(const T* u, const float* bias, T* h, T* grad, float* grad_bias, int64_t rows, int64_t width) {
  for (int64_t i = 0; i < rows * width; ++i) {
    const double x = get(u[i]) + bias[i % width];
    put(h[i], x * normal_cdf(x));
    const double du = get(grad[i]) * (normal_cdf(x) + x * normal_density(x));
    put(grad[i], du);
    grad_bias[i % width] += static_cast<float>(du);
  }
}

template <class X, class T>
void layer_norm(const X* x, const X* weight, const X* bias, T* y, X* mean, X* rstd, int64_t rows, int64_t width,
                double eps) {
  for (int64_t r = 0; r < rows; ++r, x += width, y += width) {
    double sum = 0, squares = 0;
    for (int64_t j = 0; j < width; ++j) sum += x[j];
    const double m = sum / static_cast<double>(width);
    for (int64_t j = 0; j < width; ++j) squares += (x[j] - m) * (x[j] - m);
    const double s = 1 / std::sqrt(squares / static_cast<double>(width) + eps);
    put(mean[r], m);
    put(rstd[r], s);
    for (int64_t j = 0; j < width; ++j) put(y[j], (x[j] - m) * s * weight[j] + bias[j]);
  }
}

template <class T>
void layer_norm_backward(const T* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                         float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r, grad += width, x += width, grad_x += width) {
    double sum = 0, dot = 0;
    for (int64_t j = 0; j < width; ++j) {
      const double normed = (static_cast<double>(x[j]) - mean[r]) * rstd[r];
      grad_bias[j] += static_cast<float>(get(grad[j]));
      grad_weight[j] += static_cast<float>(get(grad[j]) * normed);
      sum += get(grad[j]) * weight[j];
      dot += get(grad[j]) * weight[j] * normed;
    }
    for (int64_t j = 0; j < width; ++j) {
      const double normed = (static_cast<double>(x[j]) - mean[r]) * rstd[r];
      put(grad_x[j], rstd[r] * (get(grad[j]) * weight[j] - (sum + normed * dot) / static_cast<double>(width)));
    }
  }
}

inline void attention(const float* qkv, float* out, int tokens, int dim, int head_dim) {
  std::vector<double> p(static_cast<size_t>(tokens));
  const int64_t row = 3 * static_cast<int64_t>(dim);
  for (int q = 0; q < tokens; ++q) {
    for (int k = 0; k < tokens; ++k) {
      p[k] = 0;
      for (int j = 0; j < head_dim; ++j) p[k] += static_cast<double>(qkv[q * row + j]) * qkv[k * row + dim + j];
    }
    softmax(p.data(), 1, tokens, 1 / std::sqrt(head_dim));
    for (int j = 0; j < head_dim; ++j) {
      double sum = 0;
      for (int k = 0; k < tokens; ++k) sum += p[k] * qkv[k * row + 2 * dim + j];
      out[static_cast<int64_t>(q) * dim + j] = static_cast<float>(sum);
    }
  }
}

inline void dequantize_row(const int32_t* sums, const int32_t* offset, float scale, const float* weight_scale,
                           const float* bias, float* y, int64_t width, bool add) {
  for (int64_t j = 0; j < width; ++j) {
    const double value = static_cast<double>(sums[j] - offset[j]) * scale * weight_scale[j] + (bias ? bias[j] : 0.0f);
    y[j] = static_cast<float>(add ? y[j] + value : value);
  }
}

// Those below are the kernels' definition to the bit.

inline float quantize_row(const float* x, uint8_t* q, int64_t width) {
  float most = 0;
  for (int64_t j = 0; j < width; ++j) most = std::max(most, std::fabs(x[j]));
  const float inverse = most > 0 ? 127.0f / most : 0.0f;
  for (int64_t j = 0; j < width; ++j) q[j] = static_cast<uint8_t>(std::nearbyint(x[j] * inverse) + 128);
  return most / 127.0f;
}

template <class From, class To>
void convert(const From* x, To* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) put(y[i], get(x[i]));
}

inline void add(const float* a, const float* b, float* sum, int64_t count) {
  for (int64_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

template <class T>
void add_columns(const T* x, float* sums, int64_t rows, int64_t width) {
  for (int64_t i = 0; i < rows * width; ++i) sums[i % width] += static_cast<float>(get(x[i]));
}

inline void adamw(float* param, const float* grad, float* exp_avg, float* exp_avg_sq, int64_t count,
                  const AdamWConstants& c) {
  for (int64_t i = 0; i < count; ++i) {
    const float g = grad[i] * c.grad_scale + param[i] * c.coupled_decay;
    exp_avg[i] = exp_avg[i] * c.beta1 + g * c.one_minus_beta1;
    exp_avg_sq[i] = exp_avg_sq[i] * c.beta2 + g * g * c.one_minus_beta2;
    param[i] =
        param[i] * c.keep - c.step_size * exp_avg[i] / (std::sqrt(exp_avg_sq[i]) * c.inverse_sqrt_correction2 + c.eps);
  }
}

inline void move_average(float* average, const float* param, int64_t count, float momentum, float rest) {
  for (int64_t i = 0; i < count; ++i) average[i] = average[i] * momentum + param[i] * rest;
}

// Eight sums side by side.
inline double squared_sum(const float* values, int64_t count) {
  double parts[8] = {}, total = 0;
  const int64_t whole = count / 8 * 8;
  for (int64_t i = 0; i < whole; ++i) parts[i % 8] += static_cast<double>(values[i]) * values[i];
  for (int64_t i = whole; i < count; ++i) total += static_cast<double>(values[i]) * values[i];
  for (const double part : parts) total += part;
  return total;
}

inline uint8_t or_class_bits(const uint8_t* rows, int width, int count, uint8_t* low, uint8_t* high) {
  std::fill_n(low, width, uint8_t{0});
  std::fill_n(high, width, uint8_t{0});
  for (int64_t i = 0; i < static_cast<int64_t>(width) * count; ++i) {
    low[i % width] |= static_cast<uint8_t>(1u << (rows[i] & 15));
    high[i % width] |= static_cast<uint8_t>(1u << (rows[i] & 15) >> 8);
  }
  return width * count > 0 ? *std::max_element(rows, rows + static_cast<int64_t>(width) * count) : uint8_t{0};
}

inline uint8_t resized_byte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kResizeBits, 0, 255)); }

inline void resize_row(const uint8_t* in, uint8_t* out, int out_width, const ResizeAxis& axis) {
  for (int i = 0; i < out_width * 3; ++i) {
    int32_t sum = 1 << (kResizeBits - 1);
    for (int t = 0; t < axis.count[i / 3]; ++t)
      sum += in[(axis.first[i / 3] + t) * 3 + i % 3] * axis.weight[static_cast<size_t>(i / 3) * axis.taps + t];
    out[i] = resized_byte(sum);
  }
}

inline void blend_rows(const uint8_t* in, int64_t row_bytes, uint8_t* out, const int32_t* weight, int count) {
  for (int64_t x = 0; x < row_bytes; ++x) {
    int32_t sum = 1 << (kResizeBits - 1);
    for (int t = 0; t < count; ++t) sum += in[t * row_bytes + x] * weight[t];
    out[x] = resized_byte(sum);
  }
}

}  // namespace fsfm::kernels::plain
