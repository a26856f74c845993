#if defined(__x86_64__)

#include "nn/kernels_body.h"

namespace fsfm {

extern const Kernels kKernelsAvx2;
const Kernels kKernelsAvx2 = make_kernels("avx2");

}  // namespace fsfm

#endif
