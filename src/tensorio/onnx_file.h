// What an ONNX file declares of itself, read without running it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fsfm {

// The output that the file declares first; "" when it declares none. OpenCV lists outputs by the alphabet and runs to
// the last of its layers; of a network trained with auxiliary heads the first counts.
std::string onnx_first_output(const std::filesystem::path& file);

// The shape of the input that the file declares first, 0 where a size is left open; empty when it declares none. Older
// exports list their weights among the inputs; those are passed over.
std::vector<int64_t> onnx_input_shape(const std::filesystem::path& file);

struct OnnxTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;  // as many as the shape says; empty where the file keeps no floats
};

struct OnnxNode {
  std::string op;  // "Conv"
  std::vector<std::string> inputs, outputs;
  std::map<std::string, std::vector<int64_t>> integers;  // attributes that are one or several
  std::vector<std::string> others;                       // names of those of another kind

  // The attribute's values, or `otherwise` where it is left out.
  std::vector<int64_t> get(const std::string& attribute, std::vector<int64_t> otherwise) const;
};

// A network in the order of its computation.
struct OnnxNetwork {
  std::vector<OnnxNode> nodes;
  std::map<std::string, OnnxTensor> weights;
  std::vector<std::string> inputs, outputs;  // without weights
};

// Throws Error naming the file when a weight holds another number of values than its shape says.
OnnxNetwork read_onnx(const std::filesystem::path& file);

}  // namespace fsfm
