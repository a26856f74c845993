#include "model/tensor_shapes.h"

#include "base/error.h"

namespace fsfm {

const Shape& shape_of(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(ErrorCode::damaged, "tensor '" + name + "' is missing");
  return found->second.shape;
}

void expect_shape(const TensorMap& tensors, const std::string& name, const Shape& shape) {
  const Shape& found = shape_of(tensors, name);
  if (found != shape)
    throw Error(ErrorCode::damaged,
                "tensor '" + name + "' has shape " + shape_text(found) + ", expected " + shape_text(shape));
}

int rows_of(const TensorMap& tensors, const std::string& name, int64_t most) {
  const Shape& shape = shape_of(tensors, name);
  if (shape.size() != 2 || shape[0] < 1 || shape[0] > most)
    throw Error(ErrorCode::damaged, "tensor '" + name + "' has shape " + shape_text(shape));
  return static_cast<int>(shape[0]);
}

int count_blocks(const TensorMap& tensors, const std::string& prefix) {
  int count = 0;
  while (count < 1000 && tensors.contains(prefix + std::to_string(count) + ".norm1.weight")) ++count;
  return count;
}

void expect_blocks(const TensorMap& tensors, const std::string& prefix, int depth, int64_t width, int64_t mlp_hidden) {
  for (int i = 0; i < depth; ++i) {
    const std::string block = prefix + std::to_string(i) + ".";
    for (const char* norm : {"norm1", "norm2"})
      for (const char* part : {".weight", ".bias"}) expect_shape(tensors, block + norm + part, {width});
    expect_shape(tensors, block + "attn.qkv.weight", {3 * width, width});
    expect_shape(tensors, block + "attn.qkv.bias", {3 * width});
    expect_shape(tensors, block + "attn.proj.weight", {width, width});
    expect_shape(tensors, block + "attn.proj.bias", {width});
    expect_shape(tensors, block + "mlp.fc1.weight", {mlp_hidden, width});
    expect_shape(tensors, block + "mlp.fc1.bias", {mlp_hidden});
    expect_shape(tensors, block + "mlp.fc2.weight", {width, mlp_hidden});
    expect_shape(tensors, block + "mlp.fc2.bias", {width});
  }
}

void expect_agreement(const nlohmann::json& stated, const nlohmann::json& seen) {
  for (const auto& [key, value] : seen.items())
    if (const auto claimed = stated.find(key); claimed != stated.end() && *claimed != value)
      throw Error(ErrorCode::damaged, "the model card and the tensors disagree on " + key,
                  "the file was put together wrongly");
}

}  // namespace fsfm
