// Attention of one head of one image, for inference: the scores never leave the cache.
#pragma once

#include <cstddef>

namespace fsfm::kernels {

// Floats of scratch memory that attention() wants.
size_t attention_scratch(int tokens, int head_dim);

// out = softmax(q k^T / sqrt(head_dim)) v. qkv: first value of this head's queries in row 0; a row holds 3 * dim floats
// (queries, keys and values of all heads), `tokens` >= 1 rows follow one another. out: this head's part of row 0, its
// rows are `dim` apart. scratch: attention_scratch() floats; faster when aligned to 64 bytes, which nothing else needs.
// qkv, out and scratch must not overlap. Thread-safe with a scratch for each thread.
void attention(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch);

// The same with both products in bfloat16 (sums and softmax stay in float), on processors that multiply it and for an
// even head_dim: where has_bf16_attention() says so. The scratch is as large.
bool has_bf16_attention(int head_dim);
void attention_bf16(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch);

}  // namespace fsfm::kernels
