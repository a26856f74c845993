#include "support/onnx_writer.h"

#include <cstdint>
#include <string>

#include "base/file.h"

namespace fsfm::test {
namespace {

// Protocol buffers: a field is (number << 3 | kind), then a varint (kind 0) or a length and bytes (kind 2).
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
std::string field(int number, uint64_t value) { return varint(static_cast<uint64_t>(number) << 3) + varint(value); }
std::string field(int number, const std::string& bytes) {
  return varint(static_cast<uint64_t>(number) << 3 | 2) + varint(bytes.size()) + bytes;
}

std::string tensor(const std::string& name, const std::vector<uint64_t>& dims, const float* values, size_t count) {
  std::string text;
  for (const uint64_t dim : dims) text += field(1, dim);
  return text + field(2, uint64_t{1}) + field(8, name) + field(9, std::string(reinterpret_cast<const char*>(values), count * sizeof(float)));
}

std::string value_info(const std::string& name, const std::vector<uint64_t>& dims) {
  std::string shape;
  for (const uint64_t dim : dims) shape += field(1, field(1, dim));
  return field(1, name) + field(2, field(1, field(1, uint64_t{1}) + field(2, shape)));
}

}  // namespace

void write_onnx_convolution(const std::filesystem::path& path, int side, const std::vector<std::array<float, 3>>& weights,
                            const std::vector<float>& bias) {
  write_onnx_heads(path, side, {{"y", weights, bias}});
}

void write_onnx_heads(const std::filesystem::path& path, int side, const std::vector<OnnxHead>& heads) {
  const uint64_t s = static_cast<uint64_t>(side);
  const std::string kernel =
      field(1, std::string("kernel_shape")) + field(8, uint64_t{1}) + field(8, uint64_t{1}) + field(20, uint64_t{7});
  std::string nodes, tensors, outputs;
  for (const auto& [output, weights, bias] : heads) {
    const uint64_t classes = weights.size();
    const std::string node = field(1, std::string("x")) + field(1, "w_" + output) + field(1, "b_" + output) +
                             field(2, output) + field(3, "conv_" + output) + field(4, std::string("Conv")) +
                             field(5, kernel);
    nodes = field(1, node) + nodes;
    tensors += field(5, tensor("w_" + output, {classes, 3, 1, 1}, weights.front().data(), classes * 3)) +
               field(5, tensor("b_" + output, {classes}, bias.data(), classes));
    outputs += field(12, value_info(output, {1, classes, s, s}));
  }
  const std::string graph =
      nodes + field(2, std::string("net")) + tensors + field(11, value_info("x", {1, 3, s, s})) + outputs;
  write_file_atomic(
      path, field(1, uint64_t{7}) + field(7, graph) + field(8, field(1, std::string()) + field(2, uint64_t{11})));
}

}  // namespace fsfm::test
