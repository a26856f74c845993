#include "face/onnx_file.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

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
  uint64_t value = 0;        // of a varint
  std::string_view content;  // of bytes, texts and messages
};

// Takes the next field off the front of a protocol buffers message; nullopt at its end or where it is damaged.
std::optional<Field> take_field(std::string_view& message) {
  constexpr int kVarint = 0, kEightBytes = 1, kLength = 2, kFourBytes = 5;
  const auto tag = take_varint(message);
  if (!tag) return std::nullopt;
  const int kind = *tag & 7;
  Field field{.number = *tag >> 3, .value = 0, .content = {}};
  std::optional<uint64_t> length = kind == kEightBytes ? 8 : kind == kFourBytes ? 4 : 0;
  if (kind == kVarint) {
    const auto value = take_varint(message);
    if (!value) return std::nullopt;
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

}  // namespace fsfm
