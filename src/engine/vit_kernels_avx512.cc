// vit_kernels.h for processors with AVX-512.
#define FSFM_VECTOR 16
#include "engine/vit_kernels.h"
#include "engine/vit_kernels_body.h"

namespace fsfm {
extern const VitKernels kVitKernelsAvx512;  // declared in vit_kernels.cc, where the choice is made
const VitKernels kVitKernelsAvx512{"avx512", layer_norm, attention};
}  // namespace fsfm
