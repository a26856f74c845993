#if defined(__x86_64__)

#include "nn/kernels_body.h"

namespace fsfm {

extern const Kernels kKernelsAvx512;
const Kernels kKernelsAvx512 = make_kernels("avx512");

}  // namespace fsfm

#endif
