#include "engine/vit_kernels.h"

#define FSFM_VECTOR 4
#include "engine/vit_kernels_body.h"

namespace fsfm {

#if defined(__x86_64__)
extern const VitKernels kVitKernelsAvx512, kVitKernelsAvx2;
#endif

namespace {
constexpr VitKernels kGeneric{"generic", layer_norm, attention};
}

size_t attention_scratch(int tokens, int head_dim) {
  const size_t width = static_cast<size_t>(padded(tokens)), depth = static_cast<size_t>(padded(head_dim));
  return static_cast<size_t>(head_dim) * width + static_cast<size_t>(tokens) * depth + 6 * (width + depth);
}

std::vector<const VitKernels*> available_vit_kernels() {
  std::vector<const VitKernels*> kernels;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
    kernels.push_back(&kVitKernelsAvx512);
  if (avx2) kernels.push_back(&kVitKernelsAvx2);
#endif
  kernels.push_back(&kGeneric);
  return kernels;
}

const VitKernels& vit_kernels() {
  static const VitKernels& best = *available_vit_kernels().front();
  return best;
}

}  // namespace fsfm
