// Attention's two products in bfloat16, sums and softmax in float: a third quicker than in float. Highway 1.0.3 knows
// no product of bfloat16, so this is written for the one instruction that makes it (AVX512-BF16).
#include <array>

#include "kernels/attention.h"
#include "kernels/softmax.h"

#ifdef __x86_64__
#include <immintrin.h>

#define FSFM_BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"), always_inline))
#define FSFM_BF16_ENTRY __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

namespace fsfm::kernels {
namespace {

constexpr int kLanes = 16;  // floats of a vector, and pairs of bfloat16
constexpr int kRows = 6;    // rows of queries that go through together
constexpr int kWide = 4;    // kRows * kWide sums + kWide columns fit the registers
constexpr int padded(int n) { return (n + kLanes - 1) / kLanes * kLanes; }

// What a product adds up goes in pairs, two bfloat16 in 32 bits, the even one below:
// keys [head_dim / 2][tokens+], values [tokens / 2, upwards][head_dim+], queries [kRows][head_dim / 2],
// weights [kRows][tokens+ / 2]; + means padded with zeros.
struct Scratch {
  uint32_t *keys, *values, *queries, *weights;
  float *scores, *mixed;  // [kRows][tokens+], [kRows][head_dim+]

  Scratch(float* memory, int tokens, int head_dim) {
    const ptrdiff_t width = padded(tokens), depth = padded(head_dim);
    scores = memory;
    mixed = scores + kRows * width;
    keys = reinterpret_cast<uint32_t*>(mixed + kRows * depth);
    values = keys + head_dim / 2 * width;
    weights = values + width / 2 * depth;
    queries = weights + kRows * width / 2;
  }
};

FSFM_BF16 inline __m512 load(const float* p, int count) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(count >= kLanes ? 0xFFFF : (1 << count) - 1), p);
}

// Pairs of neighbours: `count` floats, even, to count / 2 pairs.
FSFM_BF16 inline void pair_up(const float* from, int count, uint32_t* to) {
  for (int i = 0; i < count; i += kLanes) {
    const auto pairs = reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(load(from + i, count - i)));
    const int n = (count - i < kLanes ? count - i : kLanes) / 2;
    _mm256_mask_storeu_epi32(to + i / 2, static_cast<__mmask8>((1 << n) - 1), pairs);
  }
}

// C[R][V * 16] = A[R][pairs] * B[pairs][V * 16], all of it in registers.
template <int R, int V>
FSFM_BF16 inline void tile(const uint32_t* a, ptrdiff_t a_row, const uint32_t* b, ptrdiff_t b_row, int pairs, float* c,
                           ptrdiff_t c_row) {
  __m512 sums[R][V];
  for (auto& row : sums)
    for (__m512& sum : row) sum = _mm512_setzero_ps();
  for (int k = 0; k < pairs; ++k) {
    __m512i column[V];
    for (int v = 0; v < V; ++v) column[v] = _mm512_loadu_si512(b + k * b_row + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const __m512i factor = _mm512_set1_epi32(static_cast<int>(a[r * a_row + k]));
      for (int v = 0; v < V; ++v)
        sums[r][v] =
            _mm512_dpbf16_ps(sums[r][v], reinterpret_cast<__m512bh>(factor), reinterpret_cast<__m512bh>(column[v]));
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) _mm512_storeu_ps(c + r * c_row + v * kLanes, sums[r][v]);
}

template <int R>
FSFM_BF16 inline void multiply(const uint32_t* a, ptrdiff_t a_row, const uint32_t* b, ptrdiff_t width, int pairs,
                               float* c) {
  ptrdiff_t n = 0;
  for (; n + kWide * kLanes <= width; n += kWide * kLanes) tile<R, kWide>(a, a_row, b + n, width, pairs, c + n, width);
  for (; n < width; n += kLanes) tile<R, 1>(a, a_row, b + n, width, pairs, c + n, width);
}

template <int R>
FSFM_BF16 inline void attend_rows(const float* q, float* out, int tokens, int dim, int head_dim, const Scratch& s) {
  const int width = padded(tokens), depth = padded(head_dim);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head_dim));
  for (int r = 0; r < R; ++r) pair_up(q + r * 3 * static_cast<ptrdiff_t>(dim), head_dim, s.queries + r * head_dim / 2);
  multiply<R>(s.queries, head_dim / 2, s.keys, width, head_dim / 2, s.scores);
  std::array<float, R> sums;
  exp_rows(s.scores, R, tokens, width, scale, sums.data());
  for (int r = 0; r < R; ++r) {
    float* scores = s.scores + r * width;
    for (int t = tokens; t < width; ++t) scores[t] = 0;
    pair_up(scores, width, s.weights + r * width / 2);
  }
  multiply<R>(s.weights, width / 2, s.values, depth, (tokens + 1) / 2, s.mixed);
  for (int r = 0; r < R; ++r) {
    const __m512 factor = _mm512_set1_ps(1 / sums[r]);
    for (int j = 0; j < head_dim; j += kLanes)
      _mm512_mask_storeu_ps(out + r * static_cast<ptrdiff_t>(dim) + j,
                            static_cast<__mmask16>(head_dim - j >= kLanes ? 0xFFFF : (1 << (head_dim - j)) - 1),
                            _mm512_mul_ps(_mm512_loadu_ps(s.mixed + r * depth + j), factor));
  }
}

// The last rows, fewer than kRows.
template <int R>
FSFM_BF16 inline void attend_rest(int rows, const float* q, float* out, int tokens, int dim, int head_dim,
                                  const Scratch& s) {
  if constexpr (R > 0) {
    if (rows == R) return attend_rows<R>(q, out, tokens, dim, head_dim, s);
    attend_rest<R - 1>(rows, q, out, tokens, dim, head_dim, s);
  }
}

FSFM_BF16_ENTRY void attend(const float* qkv, float* out, int tokens, int dim, int head_dim, float* memory) {
  const int width = padded(tokens), depth = padded(head_dim);
  const ptrdiff_t row = 3 * static_cast<ptrdiff_t>(dim);
  const Scratch s(memory, tokens, head_dim);
  // Of 32 halves, 16 of one token and 16 of the next: one of each in turn.
  const __m512i in_turn = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  for (int t = 0; t < tokens; t += 2) {
    const float* v = qkv + t * row + 2 * static_cast<ptrdiff_t>(dim);
    for (int j = 0; j < head_dim; j += kLanes) {
      const __m512 first = load(v + j, head_dim - j),
                   second = t + 1 < tokens ? load(v + row + j, head_dim - j) : _mm512_setzero_ps();
      const auto halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first));
      _mm512_storeu_si512(s.values + t / 2 * static_cast<ptrdiff_t>(depth) + j,
                          _mm512_permutexvar_epi16(in_turn, halves));
    }
  }
  for (int t = 0; t < tokens; ++t) {
    const float* k = qkv + t * row + dim;
    pair_up(k, head_dim, s.queries);
    for (int j = 0; j < head_dim / 2; ++j) s.keys[static_cast<ptrdiff_t>(j) * width + t] = s.queries[j];
  }
  for (int j = 0; j < head_dim / 2; ++j)
    for (int t = tokens; t < width; ++t) s.keys[static_cast<ptrdiff_t>(j) * width + t] = 0;
  int t = 0;
  for (; t + kRows <= tokens; t += kRows)
    attend_rows<kRows>(qkv + t * row, out + static_cast<ptrdiff_t>(t) * dim, tokens, dim, head_dim, s);
  attend_rest<kRows - 1>(tokens - t, qkv + t * row, out + static_cast<ptrdiff_t>(t) * dim, tokens, dim, head_dim, s);
}

}  // namespace

bool has_bf16_attention(int head_dim) {
  static const bool has = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return has && head_dim % 2 == 0;
}

void attention_bf16(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch) {
  attend(qkv, out, tokens, dim, head_dim, scratch);
}

}  // namespace fsfm::kernels

#else

namespace fsfm::kernels {

bool has_bf16_attention(int) { return false; }
void attention_bf16(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch) {
  attention(qkv, out, tokens, dim, head_dim, scratch);
}

}  // namespace fsfm::kernels
#endif
