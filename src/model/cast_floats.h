// The same weights with fewer bits a number.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

// f64, f32, f16, bf16.
bool is_float(DType dtype);
// "f32", "f16", "bf16". Throws Error for another word.
DType parse_float_type(const std::string& word);

// Every tensor of floats as `dtype` (f32, f16 or bf16), rounded to nearest; what owns the new bytes is added to
// `keep_alive`. Throws Error naming a tensor with a number that is too large for `dtype`; then nothing has changed.
void cast_floats(TensorMap& tensors, DType dtype, std::vector<std::shared_ptr<const void>>& keep_alive);

}  // namespace fsfm
