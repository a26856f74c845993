// Sizes of the face-segmentation network and the list of its convolutions: what training and inference must agree on.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fsfm {

inline constexpr int kParseNetLevels = 5;  // strides 2, 4, 8, 16, 32

struct ParseNetConfig {
  int img_size = 224;
  int num_classes = 11;
  std::array<int, kParseNetLevels> widths{16, 32, 64, 128, 192};  // encoder channels at each level
  std::array<int, kParseNetLevels> blocks{0, 1, 1, 2, 1};         // residual blocks at each level
  std::array<int, kParseNetLevels - 1> decoder{16, 32, 64, 96};   // decoder channels at levels 0..3

  nlohmann::json to_json() const;
  // Throws Error naming the key that is missing, of the wrong type or out of range.
  static ParseNetConfig from_json(const nlohmann::json& json);
};

struct ConvShape {
  std::string name;
  int in = 0, out = 0, kernel = 1, stride = 1;
  bool relu = false;
};

// Every convolution, in order of execution; the head is the last.
std::vector<ConvShape> parse_net_layers(const ParseNetConfig& config);

}  // namespace fsfm
