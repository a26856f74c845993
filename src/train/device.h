// Where a run computes and with how many threads.
#pragma once

#include <torch/torch.h>

#include <string>

namespace fsfm {

// "auto" (CUDA when this libtorch has it and a device is there), "cpu" or "cuda"; sets torch's thread count (0 = all
// cores; libtorch itself starts with one). The processes of a machine take its CUDA devices in turn, `local_rank` being
// their number there. Throws Error when CUDA is asked for and absent.
torch::Device choose_device(const std::string& name, int threads, int local_rank = 0);

}  // namespace fsfm
