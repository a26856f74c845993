// One network from several trainings of it: the mean of their weights (Wortsman et al., "Model soups", 2022).
#pragma once

#include <memory>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

// Every tensor of floats becomes the mean of itself and its namesake in each of `others`, in float32; what owns the new
// bytes is added to `keep_alive`. Throws Error naming a tensor that one side lacks or that has another shape; then
// nothing has changed.
void average_floats(TensorMap& tensors, const std::vector<TensorMap>& others,
                    std::vector<std::shared_ptr<const void>>& keep_alive);

}  // namespace fsfm
