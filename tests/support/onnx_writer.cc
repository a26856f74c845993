#include "support/onnx_writer.h"

#include <array>
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
  return text + field(2, uint64_t{1}) + field(8, name) +
         field(9, std::string(reinterpret_cast<const char*>(values), count * sizeof(float)));
}

std::string value_info(const std::string& name, const std::vector<uint64_t>& dims) {
  std::string shape;
  for (const uint64_t dim : dims) shape += field(1, field(1, dim));
  return field(1, name) + field(2, field(1, field(1, uint64_t{1}) + field(2, shape)));
}

std::string numbers(const std::string& name, const std::vector<uint64_t>& values) {
  std::string attribute = field(1, name);
  for (const uint64_t value : values) attribute += field(8, value);
  return field(5, attribute + field(20, uint64_t{7}));
}

std::string node(const std::string& kind, const std::vector<std::string>& inputs, const std::string& output,
                 const std::string& attributes) {
  std::string text;
  for (const auto& input : inputs) text += field(1, input);
  return field(1, text + field(2, output) + field(3, kind + "_" + output) + field(4, kind) + attributes);
}

}  // namespace

void write_onnx_convolution(const std::filesystem::path& path, int side,
                            const std::vector<std::array<float, 3>>& weights, const std::vector<float>& bias) {
  write_onnx_heads(path, side, {{.output = "y", .weights = weights, .bias = bias}});
}

void write_onnx_heads(const std::filesystem::path& path, int side, const std::vector<OnnxHead>& heads) {
  write_onnx_heads(path, side, side, heads);
}

void write_onnx_heads(const std::filesystem::path& path, int width, int height, const std::vector<OnnxHead>& heads) {
  std::string nodes, tensors, outputs;
  for (const auto& [output, weights, bias, stride, columns] : heads) {
    const uint64_t channels = weights.size(), w = static_cast<uint64_t>((width + stride - 1) / stride),
                   h = static_cast<uint64_t>((height + stride - 1) / stride);
    const std::string maps = columns > 0 ? "maps_" + output : output, pixels = "pixels_" + output;
    const std::string own = node("Conv", {"x", "w_" + output, "b_" + output}, maps,
                                 numbers("kernel_shape", {1, 1}) + numbers("strides", {static_cast<uint64_t>(stride),
                                                                                       static_cast<uint64_t>(stride)}));
    tensors += field(5, tensor("w_" + output, {channels, 3, 1, 1}, weights.front().data(), channels * 3)) +
               field(5, tensor("b_" + output, {channels}, bias.data(), channels));
    if (columns > 0) {
      const uint64_t c = static_cast<uint64_t>(columns), rows = w * h * channels / c;
      const std::array<int64_t, 3> shape = {1, static_cast<int64_t>(rows), columns};
      nodes = own + node("Transpose", {maps}, pixels, numbers("perm", {0, 2, 3, 1})) +
              node("Reshape", {pixels, "shape_" + output}, output, "") + nodes;
      tensors += field(5, field(1, uint64_t{3}) + field(2, uint64_t{7}) + field(8, "shape_" + output) +
                              field(9, std::string(reinterpret_cast<const char*>(shape.data()), sizeof(shape))));
      outputs += field(12, value_info(output, {1, rows, c}));
    } else {
      nodes = own + nodes;
      outputs += field(12, value_info(output, {1, channels, h, w}));
    }
  }
  const std::string graph =
      nodes + field(2, std::string("net")) + tensors +
      field(11, value_info("x", {1, 3, static_cast<uint64_t>(height), static_cast<uint64_t>(width)})) + outputs;
  write_file_atomic(
      path, field(1, uint64_t{7}) + field(7, graph) + field(8, field(1, std::string()) + field(2, uint64_t{11})));
}

}  // namespace fsfm::test
