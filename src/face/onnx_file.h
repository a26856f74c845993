// What an ONNX file declares of itself, read without running it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fsfm {

// The output that the file declares first; "" when it declares none. OpenCV lists outputs by the alphabet and runs to
// the last of its layers; of a network trained with auxiliary heads the first counts.
std::string onnx_first_output(const std::filesystem::path& file);

// The shape of the input that the file declares first, 0 where a size is left open; empty when it declares none. Older
// exports list their weights among the inputs; those are passed over.
std::vector<int64_t> onnx_input_shape(const std::filesystem::path& file);

}  // namespace fsfm
