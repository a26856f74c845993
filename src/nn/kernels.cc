#include "nn/kernels.h"

#include "nn/kernels_body.h"

namespace fsfm {

#if defined(__x86_64__)
extern const Kernels kKernelsAvx512, kKernelsAvx2;
#endif

namespace {
constexpr Kernels kGeneric = make_kernels("generic");
}

std::vector<const Kernels*> available_kernels() {
  std::vector<const Kernels*> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
    found.push_back(&kKernelsAvx512);
  }
  if (avx2) found.push_back(&kKernelsAvx2);
#endif
  found.push_back(&kGeneric);
  return found;
}

const Kernels& kernels() {
  static const Kernels& best = *available_kernels().front();
  return best;
}

}  // namespace fsfm
