#include "model/onnx_graph.h"

#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {
namespace {

// Protocol buffers: a field is (number << 3 | kind), then a varint (kind 0), four bytes (5), or a length and bytes (2).
std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
std::string key(int number, int kind) {
  return varint(static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(kind));
}
std::string field(int number, int64_t value) { return key(number, 0) + varint(static_cast<uint64_t>(value)); }
std::string field(int number, const std::string& bytes) { return key(number, 2) + varint(bytes.size()) + bytes; }

template <class T>
std::string raw(std::span<const T> values) {
  static_assert(std::endian::native == std::endian::little, "ONNX holds little-endian numbers");
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

// Numbers of the schema's enumerations.
constexpr int64_t kFloat = 1, kInt64 = 7, kAttributeFloat = 1, kAttributeInt = 2, kAttributeInts = 7;

std::string value_info(const std::string& name, const std::vector<int64_t>& dims) {
  std::string shape;
  for (const int64_t dim : dims) shape += field(1, dim < 0 ? field(2, std::string("batch")) : field(1, dim));
  return field(1, name) + field(2, field(1, field(1, kFloat) + field(2, shape)));
}

}  // namespace

std::string OnnxGraph::integer(const std::string& name, int64_t value) {
  return field(5, field(1, name) + field(3, value) + field(20, kAttributeInt));
}
std::string OnnxGraph::integers(const std::string& name, std::span<const int64_t> values) {
  std::string attribute = field(1, name);
  for (const int64_t value : values) attribute += field(8, value);
  return field(5, attribute + field(20, kAttributeInts));
}
std::string OnnxGraph::real(const std::string& name, float value) {
  return field(5, field(1, name) + key(2, 5) + raw(std::span<const float>(&value, 1)) + field(20, kAttributeFloat));
}

std::string OnnxGraph::node(const std::string& kind, const std::vector<std::string>& inputs,
                            const std::vector<std::string>& outputs, const std::string& attributes) {
  std::string text;
  for (const auto& input : inputs) text += field(1, input);
  for (const auto& output : outputs) text += field(2, output);
  nodes_ += field(1, text + field(3, kind + "_" + outputs.front()) + field(4, kind) + attributes);
  return outputs.front();
}

std::string OnnxGraph::constant(const std::string& name, const std::vector<int64_t>& dims,
                                std::span<const float> values) {
  std::string text;
  for (const int64_t dim : dims) text += field(1, dim);
  constants_ += field(5, text + field(2, kFloat) + field(8, name) + field(9, raw(values)));
  return name;
}
std::string OnnxGraph::constant(const std::string& name, std::span<const int64_t> values) {
  constants_ += field(
      5, field(1, static_cast<int64_t>(values.size())) + field(2, kInt64) + field(8, name) + field(9, raw(values)));
  return name;
}

void OnnxGraph::input(const std::string& name, const std::vector<int64_t>& dims) {
  inputs_ += field(11, value_info(name, dims));
}
void OnnxGraph::output(const std::string& name, const std::vector<int64_t>& dims) {
  outputs_ += field(12, value_info(name, dims));
}
void OnnxGraph::metadata(const std::string& key, const std::string& value) {
  metadata_ += field(14, field(1, key) + field(2, value));
}

void OnnxGraph::write(const std::filesystem::path& path, int64_t opset) const {
  const std::string title = field(2, name_);
  const uint64_t graph = nodes_.size() + title.size() + constants_.size() + inputs_.size() + outputs_.size();
  constexpr uint64_t kMost = (uint64_t{1} << 31) - 1;
  if (graph > kMost - metadata_.size() - 1024)
    throw Error(ErrorCode::too_large, path.string() + ": an ONNX file holds at most 2 GiB, this network is larger",
                "export a smaller one");
  AtomicFile file(path);
  file.write(field(1, int64_t{7}) + field(2, std::string("fsfm")) + field(3, std::string(FSFM_VERSION)) + key(7, 2) +
             varint(graph));
  for (const std::string* part : {&nodes_, &title, &constants_, &inputs_, &outputs_}) file.write(*part);
  file.write(field(8, field(1, std::string()) + field(2, opset)) + metadata_);
  file.commit();
}

}  // namespace fsfm
