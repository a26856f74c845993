#include "tensorio/onnx_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {
namespace {

// Takes a number of seven bits a byte off the front of `bytes`; nullopt when there is none.
std::optional<uint64_t> take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 10); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 127) << (7 * i);
    if (byte >= 128) continue;
    bytes.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

struct Field {
  uint64_t number = 0;
  bool is_varint = false;
  uint64_t value = 0;        // of a varint
  std::string_view content;  // of bytes, texts and messages
};

// Takes the next field off the front of a protocol buffers message; nullopt at its end or where it is damaged.
std::optional<Field> take_field(std::string_view& message) {
  constexpr int kVarint = 0, kEightBytes = 1, kLength = 2, kFourBytes = 5;
  const auto tag = take_varint(message);
  if (!tag) return std::nullopt;
  const int kind = *tag & 7;
  Field field{.number = *tag >> 3, .is_varint = false, .value = 0, .content = {}};
  std::optional<uint64_t> length = kind == kEightBytes ? 8 : kind == kFourBytes ? 4 : 0;
  if (kind == kVarint) {
    const auto value = take_varint(message);
    if (!value) return std::nullopt;
    field.is_varint = true;
    field.value = *value;
  } else if (kind == kLength) {
    length = take_varint(message);
  } else if (kind != kEightBytes && kind != kFourBytes) {
    return std::nullopt;
  }
  if (!length || *length > message.size()) return std::nullopt;
  field.content = message.substr(0, *length);
  message.remove_prefix(*length);
  return field;
}

// The contents of all fields `wanted` of a message.
std::vector<std::string_view> all_fields(std::string_view message, uint64_t wanted) {
  std::vector<std::string_view> found;
  while (const auto field = take_field(message))
    if (field->number == wanted) found.push_back(field->content);
  return found;
}

std::string_view first_field(std::string_view message, uint64_t wanted) {
  while (const auto field = take_field(message))
    if (field->number == wanted) return field->content;
  return {};
}

std::vector<std::string> texts(std::string_view message, uint64_t wanted) {
  const auto found = all_fields(message, wanted);
  return {found.begin(), found.end()};
}

// A repeated integer, which stands either as many fields or packed into one.
std::vector<int64_t> integers(std::string_view message, uint64_t wanted) {
  std::vector<int64_t> values;
  while (auto field = take_field(message)) {
    if (field->number != wanted) continue;
    if (field->is_varint) values.push_back(static_cast<int64_t>(field->value));
    while (const auto value = take_varint(field->content)) values.push_back(static_cast<int64_t>(*value));
  }
  return values;
}

// TensorProto: dims, data_type, float_data, raw_data.
OnnxTensor tensor_of(std::string_view message, const fs::path& file) {
  OnnxTensor tensor{integers(message, 1), {}};
  const auto type = integers(message, 2);
  if (type != std::vector<int64_t>{1}) return tensor;  // 1: float
  std::string_view bytes = first_field(message, 9);
  std::string single;  // floats that stand as fields of their own
  if (bytes.empty()) {
    const auto parts = all_fields(message, 4);
    for (const auto part : parts) single += part;
    bytes = single;
  }
  uint64_t count = 1;
  for (const int64_t side : tensor.shape)
    if (side < 0 || (side > 0 && count > bytes.size() / static_cast<uint64_t>(side)))
      throw Error(file.string() + ": a weight has fewer values than its shape says", "the file is damaged");
    else
      count *= static_cast<uint64_t>(side);
  if (count * sizeof(float) != bytes.size())
    throw Error(file.string() + ": a weight has another number of values than its shape says", "the file is damaged");
  tensor.values.resize(count);
  if (!bytes.empty()) std::memcpy(tensor.values.data(), bytes.data(), bytes.size());
  return tensor;
}

OnnxNode node_of(std::string_view message) {
  OnnxNode node{std::string(first_field(message, 4)), texts(message, 1), texts(message, 2), {}, {}};
  for (const auto attribute : all_fields(message, 5)) {
    auto values = integers(attribute, 8);
    if (values.empty()) values = integers(attribute, 3);
    std::string name(first_field(attribute, 1));
    if (values.empty())
      node.others.push_back(std::move(name));
    else
      node.integers[std::move(name)] = std::move(values);
  }
  return node;
}

std::string_view graph_of(const MappedFile& file) {
  const std::string_view model(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  return first_field(model, 7);  // ModelProto.graph
}

}  // namespace

std::string onnx_first_output(const fs::path& file) {
  const MappedFile mapped(file);
  return std::string(first_field(first_field(graph_of(mapped), 12), 1));  // GraphProto.output, ValueInfoProto.name
}

std::vector<int64_t> onnx_input_shape(const fs::path& file) {
  const MappedFile mapped(file);
  const std::string_view graph = graph_of(mapped);
  std::set<std::string_view> weights;
  for (const auto tensor : all_fields(graph, 5))
    weights.insert(first_field(tensor, 8));         // GraphProto.initializer, name
  for (const auto input : all_fields(graph, 11)) {  // GraphProto.input
    if (weights.contains(first_field(input, 1))) continue;
    std::vector<int64_t> shape;
    // ValueInfoProto.type, TypeProto.tensor_type, Tensor.shape, TensorShapeProto.dim, Dimension.dim_value
    for (auto dim : all_fields(first_field(first_field(first_field(input, 2), 1), 2), 1)) {
      const auto field = take_field(dim);
      shape.push_back(field && field->number == 1 ? static_cast<int64_t>(field->value) : 0);
    }
    return shape;
  }
  return {};
}

std::vector<int64_t> OnnxNode::get(const std::string& attribute, std::vector<int64_t> otherwise) const {
  const auto found = integers.find(attribute);
  return found == integers.end() ? std::move(otherwise) : found->second;
}

OnnxNetwork read_onnx(const fs::path& file) {
  const MappedFile mapped(file);
  const std::string_view graph = graph_of(mapped);
  OnnxNetwork network;
  for (const auto tensor : all_fields(graph, 5))
    network.weights.emplace(std::string(first_field(tensor, 8)), tensor_of(tensor, file));
  for (const auto node : all_fields(graph, 1)) network.nodes.push_back(node_of(node));
  for (const auto input : all_fields(graph, 11))
    if (std::string name(first_field(input, 1)); !network.weights.contains(name))
      network.inputs.push_back(std::move(name));
  for (const auto output : all_fields(graph, 12)) network.outputs.emplace_back(first_field(output, 1));
  return network;
}

}  // namespace fsfm
