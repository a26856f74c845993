// A little ONNX network, written by the test that needs it.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace fsfm::test {

// One 1 x 1 convolution on [1,3,side,side]: channel c of the output is bias[c] + weights[c] . rgb.
void write_onnx_convolution(const std::filesystem::path& path, int side,
                            const std::vector<std::array<float, 3>>& weights, const std::vector<float>& bias);

// Several such convolutions of the same input in one network. Its outputs are declared in this order and computed in
// the opposite one.
struct OnnxHead {
  std::string output;
  std::vector<std::array<float, 3>> weights;
  std::vector<float> bias;
  int stride = 1;
  int columns = 0;  // > 0: the output is not [1, channels, H, W] but a table [1, H * W * channels / columns, columns]
};
void write_onnx_heads(const std::filesystem::path& path, int side, const std::vector<OnnxHead>& heads);
void write_onnx_heads(const std::filesystem::path& path, int width, int height, const std::vector<OnnxHead>& heads);

}  // namespace fsfm::test
