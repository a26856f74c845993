// Brings a stranger's parameters into the form of a plain transformer without changing what it computes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

struct FoldResult {
  std::vector<std::shared_ptr<const void>> keep_alive;  // what the new tensors own
  std::vector<std::string> notes;                       // one sentence each
};

// In `tensors` (our names): queries, keys and values become one matrix; layer scales are multiplied into the
// projections they follow; biases that the whole network lacks become zeros; a position table without a row for the
// class token gets a row of zeros; a head of one logit becomes two rows, the first zero, so that softmax gives the
// sigmoid. Shapes only when `values` is false (then the bytes of what is made are empty). Throws Error naming a
// misshaped tensor, and a bias that some blocks have and others lack.
FoldResult fold_into_plain_vit(TensorMap& tensors, bool values);

}  // namespace fsfm
