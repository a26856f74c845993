#include "kernels/attention.h"

#include <hwy/cache_control.h>

#include "kernels/highway.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention.cc"
#include <hwy/foreach_target.h>

#include "kernels/vectors-inl.h"

#ifndef FSFM_KERNELS_ATTENTION_CC_
#define FSFM_KERNELS_ATTENTION_CC_
namespace fsfm::kernels {
namespace {

constexpr int kPad = 16;  // widths in the scratch memory are multiples of this: of whole vectors, whatever their length
constexpr int padded(int n) { return (n + kPad - 1) / kPad * kPad; }

constexpr int kRows = 6;  // rows of queries that go through together
// The rows of a head lie further apart than the processor looks ahead by itself: fetching them early makes a head of
// 197 x 64 about 1.4 times as fast.
constexpr int kAhead = 16;

// [head_dim][tokens+], [tokens][head_dim+], [kRows][tokens+], [kRows][head_dim+]; + means padded.
struct AttentionScratch {
  float *keys, *values, *scores, *mixed;

  AttentionScratch(float* memory, int tokens, int head_dim)
      : keys(memory),
        values(keys + static_cast<ptrdiff_t>(head_dim) * padded(tokens)),
        scores(values + static_cast<ptrdiff_t>(tokens) * padded(head_dim)),
        mixed(scores + kRows * static_cast<ptrdiff_t>(padded(tokens))) {}
};

}  // namespace
}  // namespace fsfm::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace fsfm::kernels {
namespace HWY_NAMESPACE {
namespace {

static_assert(kPad % kLanes == 0);

// C[R][V * kLanes] = A[R][depth] * B[depth][V * kLanes], all of it in registers.
template <int R, int V>
HWY_INLINE void tile(const float* a, ptrdiff_t a_row, const float* b, ptrdiff_t b_row, int depth, float* c,
                     ptrdiff_t c_row) {
  Vec sums[R][V];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) sums[r][v] = splat(0.0f);
  for (int k = 0; k < depth; ++k) {
    Vec column[V];
    for (int v = 0; v < V; ++v) column[v] = load(b + k * b_row + v * kLanes);
    for (int r = 0; r < R; ++r) {
      const Vec factor = splat(a[r * a_row + k]);
      for (int v = 0; v < V; ++v) sums[r][v] = hn::MulAdd(factor, column[v], sums[r][v]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < V; ++v) store(sums[r][v], c + r * c_row + v * kLanes);
}

// `width` is a multiple of kPad.
template <int R>
HWY_INLINE void multiply(const float* a, ptrdiff_t a_row, const float* b, ptrdiff_t b_row, int depth, int width,
                         float* c, ptrdiff_t c_row) {
  constexpr int kWide = kLanes == 16 ? 4 : 2;  // R * kWide sums + kWide columns fit the registers
  int n = 0;
  for (; n + kWide * kLanes <= width; n += kWide * kLanes) tile<R, kWide>(a, a_row, b + n, b_row, depth, c + n, c_row);
  for (; n < width; n += kLanes) tile<R, 1>(a, a_row, b + n, b_row, depth, c + n, c_row);
}

template <int R>
HWY_INLINE void attend_rows(const float* q, float* out, int tokens, int dim, int head_dim, const AttentionScratch& s) {
  const int width = padded(tokens), depth = padded(head_dim);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(head_dim));
  float inverse[R];
  multiply<R>(q, 3 * dim, s.keys, width, head_dim, width, s.scores, width);
  for (int r = 0; r < R; ++r) inverse[r] = 1.0f / exp_row(s.scores + r * width, tokens, scale);
  multiply<R>(s.scores, width, s.values, depth, tokens, depth, s.mixed, depth);
  for (int r = 0; r < R; ++r) {
    const Vec factor = splat(inverse[r]);
    const float* from = s.mixed + r * depth;
    float* to = out + static_cast<ptrdiff_t>(r) * dim;
    for_vectors(head_dim,
                [&](int64_t j, auto at) FSFM_VECTOR_BODY { at.write(hn::Mul(load(from + j), factor), to + j); });
  }
}

// The last rows, fewer than kRows.
template <int R>
HWY_INLINE void attend_rest(int rows, const float* q, float* out, int tokens, int dim, int head_dim,
                            const AttentionScratch& s) {
  if constexpr (R > 0) {
    if (rows == R) return attend_rows<R>(q, out, tokens, dim, head_dim, s);
    attend_rest<R - 1>(rows, q, out, tokens, dim, head_dim, s);
  }
}

void attend(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch) {
  const int width = padded(tokens), depth = padded(head_dim);
  const ptrdiff_t row = 3 * static_cast<ptrdiff_t>(dim);
  const AttentionScratch s(scratch, tokens, head_dim);
  for (int t = 0; t < tokens; ++t) {
    const float *k = qkv + t * row + dim, *v = k + dim;
    if (t + kAhead < tokens)
      for (const float* part : {k - dim, k, v})
        for (int j = 0; j < head_dim; j += kPad) hwy::Prefetch(part + kAhead * row + j);
    float* values = s.values + static_cast<ptrdiff_t>(t) * depth;
    for (int j = 0; j < head_dim; ++j) s.keys[static_cast<ptrdiff_t>(j) * width + t] = k[j];
    for (int j = 0; j < head_dim; ++j) values[j] = v[j];
    for (int j = head_dim; j < depth; ++j) values[j] = 0;
  }
  for (int j = 0; j < head_dim; ++j)
    for (int t = tokens; t < width; ++t) s.keys[static_cast<ptrdiff_t>(j) * width + t] = 0;
  int t = 0;
  for (; t + kRows <= tokens; t += kRows)
    attend_rows<kRows>(qkv + t * row, out + static_cast<ptrdiff_t>(t) * dim, tokens, dim, head_dim, s);
  attend_rest<kRows - 1>(tokens - t, qkv + t * row, out + static_cast<ptrdiff_t>(t) * dim, tokens, dim, head_dim, s);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace fsfm::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fsfm::kernels {
namespace {
HWY_EXPORT(attend);
}

size_t attention_scratch(int tokens, int head_dim) {
  const size_t width = static_cast<size_t>(padded(tokens)), depth = static_cast<size_t>(padded(head_dim));
  return static_cast<size_t>(head_dim) * width + width * depth + 2 * kRows * (width + depth);  // in bfloat16: no more
}

void attention(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch) {
  HWY_DYNAMIC_DISPATCH(attend)(qkv, out, tokens, dim, head_dim, scratch);
}

}  // namespace fsfm::kernels
#endif
