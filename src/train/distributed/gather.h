// The rows that all processes hold, for losses that compare every face of a step with every other.
#pragma once

#include <torch/torch.h>

#include "train/distributed/communicator.h"

namespace fsfm {

// rows [B,...] (the same shape on every rank) -> [size * B,...] in rank order; `rows` itself in a process alone.
// Every rank is expected to compute the same loss from the result, and gradients to be averaged over the ranks
// afterwards: a rank's own rows therefore receive `size` times the gradient of its copy of the loss, those of others
// none. Together that is the gradient of one process that holds the whole batch.
torch::Tensor gather_rows(const torch::Tensor& rows, Communicator& others);

}  // namespace fsfm
