// A file that was named as weights and holds something else: what it is, by its content, and the way out.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/error.h"

namespace fsfm {

// `bytes`: the whole file. `expected`: "safetensors file", "PyTorch checkpoint". Knows web pages, git-lfs pointers,
// other archives and pictures, and the model files of other programs (ONNX, HDF5, GGUF, old torch.save, TorchScript,
// NumPy). Throws nothing.
Error not_weights(const std::string& name, std::span<const std::byte> bytes, const std::string& expected);

}  // namespace fsfm
