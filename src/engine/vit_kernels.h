// The parts of a transformer block that are no matrix product with weights: LayerNorm and attention, per instruction
// set.
#pragma once

#include <cstddef>
#include <vector>

namespace fsfm {

// Plain functions on contiguous floats; chosen once at run time.
struct VitKernels {
  const char* name;  // "avx512", "avx2", "generic"

  // y = (x - mean) / sqrt(var + 1e-6) * weight + bias over `dim` values; y may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float* y, int dim);

  // One head of one image. qkv: first value of this head's queries in row 0; a row holds 3 * dim floats (queries, keys
  // and values of all heads). out: this head's part of row 0, rows are `dim` apart. scratch: attention_scratch()
  // floats, 64-byte aligned.
  void (*attention)(const float* qkv, float* out, int tokens, int dim, int head_dim, float* scratch);
};

size_t attention_scratch(int tokens, int head_dim);

// The fastest this processor can run.
const VitKernels& vit_kernels();
// All this processor can run, fastest first (for tests and benchmarks).
std::vector<const VitKernels*> available_vit_kernels();

}  // namespace fsfm
