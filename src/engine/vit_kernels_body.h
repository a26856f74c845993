// The kernels of vit_kernels.h, written once on GCC/Clang vector types and compiled by vit_kernels*.cc for each
// instruction set. FSFM_VECTOR is the number of floats in a vector. Everything is in an unnamed namespace and calls no
// function of the standard library, so that no code for a newer processor can leak into the rest of the program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fsfm {
namespace {

constexpr int kLanes = FSFM_VECTOR;
constexpr int kPad = 16;  // widths in the scratch memory are multiples of this, whatever the instruction set
typedef float Vec __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
typedef uint32_t IntVec __attribute__((vector_size(kLanes * sizeof(float))));

inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
inline Vec splat(float v) { return v - Vec{}; }
inline Vec larger(Vec a, Vec b) { return a > b ? a : b; }
inline int padded(int n) { return (n + kPad - 1) / kPad * kPad; }

inline float sum(Vec v) {
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += v[i];
  return total;
}

// exp for arguments <= 0, relative error about 1e-7: 2^n * polynomial on [-ln2/2, ln2/2].
inline Vec exp_negative(Vec x) {
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  x = larger(x, splat(-87.0f));
  const Vec shifted = x * 1.44269504f + kRounder;
  const Vec n = shifted - kRounder;
  const Vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  const IntVec exponent = (IntVec)shifted << 23;  // the low bits of `shifted` are n; the rest is shifted out
  return (Vec)((IntVec)p + exponent);
}

void layer_norm(const float* x, const float* weight, const float* bias, float* y, int dim) {
  Vec sums{};
  int i = 0;
  for (; i + kLanes <= dim; i += kLanes) sums += load(x + i);
  float mean = sum(sums);
  for (; i < dim; ++i) mean += x[i];
  mean /= static_cast<float>(dim);

  Vec squares{};
  for (i = 0; i + kLanes <= dim; i += kLanes) {
    const Vec d = load(x + i) - mean;
    squares += d * d;
  }
  float variance = sum(squares);
  for (; i < dim; ++i) variance += (x[i] - mean) * (x[i] - mean);
  const float scale = 1.0f / __builtin_sqrtf(variance / static_cast<float>(dim) + 1e-6f);

  for (i = 0; i + kLanes <= dim; i += kLanes)
    store(y + i, (load(x + i) - mean) * scale * load(weight + i) + load(bias + i));
  for (; i < dim; ++i) y[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

// C[R][V * kLanes] = A[R][depth] * B[depth][V * kLanes], all of it in registers.
template <int R, int V>
inline void tile(const float* a, ptrdiff_t a_row, const float* b, ptrdiff_t b_row, int depth, float* c,
                 ptrdiff_t c_row) {
  Vec sums[R][V] = {};
  for (int k = 0; k < depth; ++k) {
    Vec column[V];
    for (int v = 0; v < V; ++v) column[v] = load(b + k * b_row + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const Vec factor = splat(a[r * a_row + k]);
      for (int v = 0; v < V; ++v) sums[r][v] += factor * column[v];
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store(c + r * c_row + v * kLanes, sums[r][v]);
}

// `width` is a multiple of kPad.
template <int R>
inline void multiply(const float* a, ptrdiff_t a_row, const float* b, ptrdiff_t b_row, int depth, int width, float* c,
                     ptrdiff_t c_row) {
  constexpr int kWide = kLanes == 16 ? 4 : 2;  // R * kWide sums + kWide columns fit the registers
  int n = 0;
  for (; n + kWide * kLanes <= width; n += kWide * kLanes) tile<R, kWide>(a, a_row, b + n, b_row, depth, c + n, c_row);
  for (; n < width; n += kLanes) tile<R, 1>(a, a_row, b + n, b_row, depth, c + n, c_row);
}

// Rows of scores -> exp(scale * (score - max)), zero beyond `tokens`; the sums go to `inverse` as 1/sum.
template <int R>
inline void softmax(float* scores, int tokens, int width, float scale, float* inverse) {
  for (int r = 0; r < R; ++r) {
    float* row = scores + static_cast<ptrdiff_t>(r) * width;
    for (int j = tokens; j < width; ++j) row[j] = -3e38f;
    Vec top = load(row);
    for (int j = kLanes; j < width; j += kLanes) top = larger(top, load(row + j));
    float max = top[0];
    for (int i = 1; i < kLanes; ++i) max = top[i] > max ? top[i] : max;
    Vec sums{};
    for (int j = 0; j < width; j += kLanes) {
      const Vec e = exp_negative((load(row + j) - max) * scale);
      store(row + j, e);
      sums += e;
    }
    float total = sum(sums);
    for (int j = tokens; j < width; ++j) {
      total -= row[j];
      row[j] = 0;
    }
    inverse[r] = 1.0f / total;
  }
}

struct Scratch {
  float *keys, *values, *scores, *mixed;  // [head_dim][tokens+], [tokens][head_dim+], [6][tokens+], [6][head_dim+]
};

template <int R>
inline void attend_rows(const float* q, float* out, int tokens, int dim, int head_dim, const Scratch& s) {
  const int width = padded(tokens), depth = padded(head_dim);
  float inverse[R];
  multiply<R>(q, 3 * dim, s.keys, width, head_dim, width, s.scores, width);
  softmax<R>(s.scores, tokens, width, 1.0f / __builtin_sqrtf(static_cast<float>(head_dim)), inverse);
  multiply<R>(s.scores, width, s.values, depth, tokens, depth, s.mixed, depth);
  for (int r = 0; r < R; ++r)
    for (int j = 0; j < head_dim; ++j) out[static_cast<ptrdiff_t>(r) * dim + j] = s.mixed[r * depth + j] * inverse[r];
}

void attention(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch) {
  const int width = padded(tokens), depth = padded(head_dim);
  const ptrdiff_t row = 3 * static_cast<ptrdiff_t>(dim);
  const Scratch s{
      scratch, scratch + static_cast<ptrdiff_t>(head_dim) * width,
      scratch + static_cast<ptrdiff_t>(head_dim) * width + static_cast<ptrdiff_t>(tokens) * depth,
      scratch + static_cast<ptrdiff_t>(head_dim) * width + static_cast<ptrdiff_t>(tokens) * depth + 6 * width};
  for (int t = 0; t < tokens; ++t) {
    const float *k = qkv + t * row + dim, *v = k + dim;
    for (int j = 0; j < head_dim; ++j) s.keys[static_cast<ptrdiff_t>(j) * width + t] = k[j];
    for (int j = 0; j < head_dim; ++j) s.values[static_cast<ptrdiff_t>(t) * depth + j] = v[j];
    for (int j = head_dim; j < depth; ++j) s.values[static_cast<ptrdiff_t>(t) * depth + j] = 0;
  }
  for (int j = 0; j < head_dim; ++j)
    for (int t = tokens; t < width; ++t) s.keys[static_cast<ptrdiff_t>(j) * width + t] = 0;
  int t = 0;
  for (; t + 6 <= tokens; t += 6)
    attend_rows<6>(qkv + t * row, out + static_cast<ptrdiff_t>(t) * dim, tokens, dim, head_dim, s);
  for (; t < tokens; ++t)
    attend_rows<1>(qkv + t * row, out + static_cast<ptrdiff_t>(t) * dim, tokens, dim, head_dim, s);
}

}  // namespace
}  // namespace fsfm
