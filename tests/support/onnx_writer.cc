#include "support/onnx_writer.h"

#include <cstdint>
#include <string>

#include "model/onnx_graph.h"

namespace fsfm::test {

void write_onnx_convolution(const std::filesystem::path& path, int side,
                            const std::vector<std::array<float, 3>>& weights, const std::vector<float>& bias) {
  write_onnx_heads(path, side, {{.output = "y", .weights = weights, .bias = bias}});
}

void write_onnx_heads(const std::filesystem::path& path, int side, const std::vector<OnnxHead>& heads) {
  write_onnx_heads(path, side, side, heads);
}

void write_onnx_heads(const std::filesystem::path& path, int width, int height, const std::vector<OnnxHead>& heads) {
  OnnxGraph graph("net");
  graph.input("x", {1, 3, height, width});
  for (const OnnxHead& head : heads) {
    const int64_t channels = static_cast<int64_t>(head.weights.size()), w = (width + head.stride - 1) / head.stride,
                  h = (height + head.stride - 1) / head.stride;
    if (head.columns > 0)
      graph.output(head.output, {1, w * h * channels / head.columns, head.columns});
    else
      graph.output(head.output, {1, channels, h, w});
  }
  for (auto head = heads.rbegin(); head != heads.rend(); ++head) {
    const int64_t channels = static_cast<int64_t>(head->weights.size());
    const std::string& output = head->output;
    const std::string maps = head->columns > 0 ? "maps_" + output : output;
    const int64_t kernel[] = {1, 1}, strides[] = {head->stride, head->stride};
    graph.constant("w_" + output, {channels, 3, 1, 1}, {head->weights.front().data(), head->weights.size() * 3});
    graph.constant("b_" + output, {channels}, head->bias);
    graph.node("Conv", {"x", "w_" + output, "b_" + output}, {maps},
               OnnxGraph::integers("kernel_shape", kernel) + OnnxGraph::integers("strides", strides));
    if (head->columns == 0) continue;
    const int64_t order[] = {0, 2, 3, 1}, shape[] = {1, -1, head->columns};
    graph.node("Transpose", {maps}, {"pixels_" + output}, OnnxGraph::integers("perm", order));
    graph.node("Reshape", {"pixels_" + output, graph.constant("shape_" + output, shape)}, {output});
  }
  graph.write(path, 11);
}

}  // namespace fsfm::test
