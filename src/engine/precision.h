// What the engine computes products in.
#pragma once

#include <cstdint>
#include <string>

namespace fsfm {

// What the products of the blocks are computed in; everything else is float. `automatic`: int8 for a file in int8 where
// the processor multiplies bytes faster than floats (VNNI), else fp32, so that a float file gives exact answers. A file
// in int8 computed as fp32 or bf16 uses its weights as the floats they stand for.
enum class EnginePrecision : uint8_t { automatic, fp32, bf16, int8 };
EnginePrecision parse_engine_precision(const std::string& name);  // auto, fp32, bf16, int8; throws Error for another

}  // namespace fsfm
