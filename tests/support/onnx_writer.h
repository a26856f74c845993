// A little ONNX network, written by the test that needs it.
#pragma once

#include <array>
#include <filesystem>
#include <vector>

namespace fsfm::test {

// One 1 x 1 convolution on [1,3,side,side]: channel c of the output is bias[c] + weights[c] . rgb.
void write_onnx_convolution(const std::filesystem::path& path, int side, const std::vector<std::array<float, 3>>& weights,
                            const std::vector<float>& bias);

}  // namespace fsfm::test
