// Where a run computes and with how many threads.
#pragma once

#include <torch/torch.h>

#include <string>

namespace fsfm {

// "auto" (CUDA when this libtorch has it and a device is there), "cpu" or "cuda"; sets torch's thread count (0 = all
// cores; libtorch itself starts with one). Throws Error when CUDA is asked for and absent.
torch::Device choose_device(const std::string& name, int threads);

}  // namespace fsfm
