#include "engine/layers.h"

#include "base/error.h"
#include "model/quantized.h"

namespace fsfm {

Floats::Floats(const TensorView& tensor) {
  const bool usable =
      tensor.dtype == DType::f32 && reinterpret_cast<uintptr_t>(tensor.bytes.data()) % alignof(float) == 0;
  if (!usable) own_ = tensor.to_float();
  values_ = usable ? tensor.as<float>() : own_;
}

PackedLinear make_linear(OneDnn& onednn, const TensorMap& tensors, const std::string& name, int inputs, int outputs,
                         Post post, int rows, EnginePrecision precision) {
  const TensorView& weight = tensors.at(name + ".weight");
  const std::vector<float> bias = tensors.at(name + ".bias").to_float();
  const auto scales = tensors.find(name + ".weight_scale");
  if (scales == tensors.end() && weight.dtype == DType::i8)
    throw Error("the matrix '" + name + ".weight' is in eight bits without its scales", "quantise the model again");
  if (precision == EnginePrecision::int8) {
    if (scales != tensors.end()) {
      (void)dequantize_matrix(weight, scales->second);  // refuses what does not fit
      return {onednn, weight.as<int8_t>(), scales->second.to_float(), bias, inputs, outputs, post, rows};
    }
    const QuantizedMatrix bytes = quantize_matrix(Floats(weight), outputs, inputs);
    return {onednn, bytes.values, bytes.scales, bias, inputs, outputs, post, rows};
  }
  const ProductType type = precision == EnginePrecision::bf16 ? ProductType::bf16 : ProductType::fp32;
  if (scales != tensors.end())
    return {onednn, dequantize_matrix(weight, scales->second), bias, inputs, outputs, post, rows, type};
  return {onednn, Floats(weight), bias, inputs, outputs, post, rows, type};
}

}  // namespace fsfm
