// Which instruction sets the kernels are compiled for. Every kernel source includes it before hwy/foreach_target.h.
//
// Highway compiles a source once for each of: scalar, SSE4, AVX2, AVX-512 (F, BW, DQ, VL) on x86-64; NEON on Arm. It
// sets the compiler's options by pragmas around the kernels alone, so that inline functions of the standard library
// stay compiled for the plain processor, and calls only what the processor was asked for.
#pragma once

// SSSE3 alone is in no processor worth the code. SVE's vectors have no fixed size, so they cannot lie in the arrays
// that attention keeps its sums in; NEON serves there. AVX3_DL, which has to be asked for, is not: Highway 1.0.3
// compiles it with AVX-VNNI but checks for AVX512-VNNI only, and no kernel would gain by it.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE_256 | HWY_SVE2 | HWY_SVE2_128)

#include <hwy/targets.h>
