#include "model/quantized.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr std::string_view kScale = ".weight_scale";

}  // namespace

QuantizedMatrix quantize_matrix(std::span<const float> weight, int outputs, int inputs) {
  QuantizedMatrix result;
  result.values.resize(weight.size());
  for (int o = 0; o < outputs; ++o) {
    const auto row = weight.subspan(static_cast<size_t>(o) * inputs, static_cast<size_t>(inputs));
    float most = 0;
    for (const float w : row) most = std::max(most, std::fabs(w));
    const float scale = most / 127.0f;
    result.scales.push_back(scale);
    for (int i = 0; i < inputs; ++i)
      result.values[static_cast<size_t>(o) * inputs + i] =
          static_cast<int8_t>(scale > 0 ? std::clamp(std::nearbyint(row[i] / scale), -127.0f, 127.0f) : 0.0f);
  }
  return result;
}

std::vector<float> dequantize_matrix(const TensorView& weight, const TensorView& scales) {
  if (weight.dtype != DType::i8 || weight.shape.size() != 2 || scales.shape != Shape{weight.shape[0]})
    throw Error(ErrorCode::damaged, "a matrix in eight bits and its scales do not fit each other",
                "quantise the model again");
  std::vector<float> values = weight.to_float();
  const std::vector<float> scale = scales.to_float();
  const auto inputs = static_cast<size_t>(weight.shape[1]);
  for (size_t i = 0; i < values.size(); ++i) values[i] *= scale[i / inputs];
  return values;
}

bool is_quantized_layer(const std::string& name) {
  if (!name.starts_with("blocks.")) return false;
  for (const std::string_view layer : {".attn.qkv", ".attn.proj", ".mlp.fc1", ".mlp.fc2"})
    if (name.ends_with(layer)) return true;
  return false;
}

bool is_quantized(const TensorMap& tensors) {
  return std::any_of(tensors.begin(), tensors.end(), [](const auto& item) { return item.first.ends_with(kScale); });
}

FloatTensors in_floats(const TensorMap& tensors) {
  FloatTensors result{without_scales(tensors), {}};
  for (auto& [name, view] : result.tensors) {
    const auto scales = tensors.find(name + "_scale");
    if (view.dtype != DType::i8 || scales == tensors.end()) continue;
    const auto matrix = std::make_shared<const HostTensor>(
        HostTensor::from_floats(view.shape, dequantize_matrix(view, scales->second)));
    view = matrix->view();
    result.keep_alive.push_back(matrix);
  }
  return result;
}

TensorMap without_scales(const TensorMap& tensors) {
  TensorMap rest;
  for (const auto& item : tensors)
    if (!item.first.ends_with(kScale)) rest.insert(item);
  return rest;
}

}  // namespace fsfm
