// vit_kernels.h for processors with AVX2 and FMA.
#define FSFM_VECTOR 8
#include "engine/vit_kernels.h"
#include "engine/vit_kernels_body.h"

namespace fsfm {
extern const VitKernels kVitKernelsAvx2;  // declared in vit_kernels.cc, where the choice is made
const VitKernels kVitKernelsAvx2{"avx2", layer_norm, attention};
}  // namespace fsfm
