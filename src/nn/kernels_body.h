// The kernels of kernels.h, written once as plain loops and compiled by kernels*.cc for each instruction set.
// Everything lies in an unnamed namespace and calls no function of the standard library, so that no code for a newer
// processor can leak into the rest of the program. Loops are branch-free for the compiler's vectoriser.
#pragma once

#include <cstdint>

#include "nn/kernels.h"

namespace fsfm {
namespace {

inline float bits_to_float(uint32_t bits) { return __builtin_bit_cast(float, bits); }
inline uint32_t float_to_bits(float value) { return __builtin_bit_cast(uint32_t, value); }

inline float get(float x) { return x; }
inline float get(Bf16 x) { return bits_to_float(static_cast<uint32_t>(x.bits) << 16); }
inline void put(float& y, float x) { y = x; }
inline void put(Bf16& y, float x) {
  // Round to nearest, ties to even; a NaN stays a (quiet) NaN.
  const uint32_t bits = float_to_bits(x);
  const uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  y.bits = static_cast<uint16_t>(x == x ? rounded : 0x7FC0u);
}

// exp for arguments <= 0, relative error about 1e-7: 2^n times a polynomial on [-ln2/2, ln2/2].
inline float exp_negative(float x) {
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  x = x > -87.0f ? x : -87.0f;
  const float shifted = x * 1.44269504f + kRounder;
  const float n = shifted - kRounder;
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  return bits_to_float(float_to_bits(p) + (float_to_bits(shifted) << 23));
}

struct Gelu {
  float cdf, density;  // of the standard normal
};

// Abramowitz & Stegun 7.1.26 for the complementary error function (absolute error 1.5e-7), whose exponential is at the
// same time the normal density.
inline Gelu normal(float x) {
  const float a = x < 0.0f ? -x : x;
  const float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * a);
  const float e = exp_negative(-0.5f * a * a);
  float p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float tail = 0.5f * p * t * e;
  return {x < 0.0f ? tail : 1.0f - tail, 0.39894228f * e};
}

void softmax(float* scores, int64_t rows, int64_t width, float scale) {
  for (int64_t r = 0; r < rows; ++r) {
    float* row = scores + r * width;
    float top = row[0];
#pragma omp simd reduction(max : top)
    for (int64_t j = 0; j < width; ++j) top = top > row[j] ? top : row[j];
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < width; ++j) {
      row[j] = exp_negative((row[j] - top) * scale);
      sum += row[j];
    }
    const float inverse = 1.0f / sum;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) row[j] *= inverse;
  }
}

void softmax_backward(const float* p, float* grad, int64_t rows, int64_t width, float scale) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* p_row = p + r * width;
    float* row = grad + r * width;
    float dot = 0.0f;
#pragma omp simd reduction(+ : dot)
    for (int64_t j = 0; j < width; ++j) dot += p_row[j] * row[j];
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) row[j] = scale * p_row[j] * (row[j] - dot);
  }
}

template <class T>
void bias_gelu(const T* u, const float* bias, T* h, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = u + r * width;
    T* to = h + r * width;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const float x = get(from[j]) + bias[j];
      put(to[j], x * normal(x).cdf);
    }
  }
}

template <class T>
void bias_gelu_backward(const T* u, const float* bias, T* h, T* grad, float* grad_bias, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* from = u + r * width;
    T *to = h + r * width, *g = grad + r * width;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const float x = get(from[j]) + bias[j];
      const Gelu gelu = normal(x);
      put(to[j], x * gelu.cdf);
      const float du = get(g[j]) * (gelu.cdf + x * gelu.density);
      put(g[j], du);
      grad_bias[j] += du;
    }
  }
}

template <class T>
void layer_norm(const float* x, const float* weight, const float* bias, T* y, float* mean, float* rstd, int64_t rows,
                int64_t width, float eps) {
  const float per = 1.0f / static_cast<float>(width);
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * width;
    T* to = y + r * width;
    float sum = 0.0f, squares = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < width; ++j) sum += row[j];
    const float m = sum * per;
#pragma omp simd reduction(+ : squares)
    for (int64_t j = 0; j < width; ++j) squares += (row[j] - m) * (row[j] - m);
    const float s = 1.0f / __builtin_sqrtf(squares * per + eps);
    mean[r] = m;
    rstd[r] = s;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) put(to[j], (row[j] - m) * s * weight[j] + bias[j]);
  }
}

template <class T>
void layer_norm_backward(const T* grad, const float* x, const float* weight, const float* mean, const float* rstd,
                         float* grad_x, float* grad_weight, float* grad_bias, int64_t rows, int64_t width) {
  const float per = 1.0f / static_cast<float>(width);
  for (int64_t r = 0; r < rows; ++r) {
    const T* g = grad + r * width;
    const float* row = x + r * width;
    float* to = grad_x + r * width;
    const float m = mean[r], s = rstd[r];
    float sum = 0.0f, dot = 0.0f;
#pragma omp simd reduction(+ : sum, dot)
    for (int64_t j = 0; j < width; ++j) {
      const float gj = get(g[j]), normed = (row[j] - m) * s, gw = gj * weight[j];
      grad_bias[j] += gj;
      grad_weight[j] += gj * normed;
      sum += gw;
      dot += gw * normed;
    }
    const float a = sum * per, b = dot * per;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) to[j] = s * (get(g[j]) * weight[j] - a - (row[j] - m) * s * b);
  }
}

template <class T>
void column_sums(const T* x, float* grad_sums, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = x + r * width;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) grad_sums[j] += get(row[j]);
  }
}

template <class From, class To>
void convert(const From* x, To* y, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) put(y[i], get(x[i]));
}

template <class T>
constexpr RowKernels<T> row_kernels() {
  return {bias_gelu<T>,   bias_gelu_backward<T>, layer_norm<T>,    layer_norm_backward<T>,
          column_sums<T>, convert<float, T>,     convert<T, float>};
}

constexpr Kernels make_kernels(const char* name) {
  return {name, softmax, softmax_backward, row_kernels<float>(), row_kernels<Bf16>()};
}

}  // namespace
}  // namespace fsfm
