// NumPy's `.npy` files: one array each.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "tensorio/tensor.h"

namespace fsfm {

// Versions 1 to 3, C or Fortran order, either byte order; types f2 f4 f8 i1 i2 i4 i8 u1 b1. Object arrays (pickles) and
// other types are refused. Throws Error (file, reason, way out).
HostTensor read_npy(const std::filesystem::path& path);
HostTensor parse_npy(std::span<const std::byte> bytes, const std::string& name_for_errors);

// Atomic, version 1, C order. bf16 has no NumPy type and is refused.
void write_npy(const std::filesystem::path& path, const TensorView& tensor);

}  // namespace fsfm
