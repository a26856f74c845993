// A detector or feature network as an ONNX file, for other people's runtimes.
#pragma once

#include <filesystem>

#include "model/model_file.h"

namespace fsfm {

struct OnnxExportOptions {
  int batch = 0;  // pictures a call; 0 = any number
  // OpenCV 4.6 (Debian 12) cannot multiply tokens by a vector nor add a table to several pictures: norms scale by
  // diagonal matrices instead, the same numbers in a sixth more work, and `batch` is 1.
  bool for_opencv46 = false;
};

// Writes the network of `model` (every head that the CPU engine knows; matrices in eight bits as the floats they stand
// for) with input "images" [batch, 3, S, S] and outputs "logits" and "probabilities" [batch, classes], without a head
// "features" [batch, D]. Opset 11, float32. The card lies in the metadata (docs/export.md). Throws Error for what is no
// plain transformer.
void export_onnx(const ModelFile& model, const std::filesystem::path& path, const OnnxExportOptions& options = {});

}  // namespace fsfm
