// An ONNX network run by OpenCV's dnn module: floats in, floats out.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fsfm {

// Not thread-safe.
class OnnxNet {
 public:
  // Throws Error naming the file when OpenCV cannot load it.
  explicit OnnxNet(const std::filesystem::path& file);
  ~OnnxNet();
  OnnxNet(OnnxNet&&) noexcept;

  struct Output {
    std::string name;
    std::vector<int> shape;
    std::vector<float> values;
  };
  // All outputs of the network, in its own order, for one input of the given shape. Throws Error naming the file when
  // the network does not take it.
  std::vector<Output> run(std::span<const float> input, const std::vector<int>& shape);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm
