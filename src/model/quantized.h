// Weights in eight bits: the four matrices of every block, symmetric, with one scale an output.
//
// In a model file the matrix `blocks.0.mlp.fc1.weight` is then I8 and beside it stands `blocks.0.mlp.fc1.weight_scale`,
// F32: weight[o, i] = value[o, i] * scale[o]. Everything else stays float: whole networks in eight bits lose most of
// what they know, products alone next to nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

struct QuantizedMatrix {
  std::vector<int8_t> values;  // [outputs, inputs], -127..127
  std::vector<float> scales;   // [outputs]
};

// Rounds to nearest by the largest magnitude of each row. weight: [outputs, inputs].
QuantizedMatrix quantize_matrix(std::span<const float> weight, int outputs, int inputs);
// `weight` [outputs, inputs] in I8 and its scales as floats again. Throws Error when they do not fit each other.
std::vector<float> dequantize_matrix(const TensorView& weight, const TensorView& scales);

// "blocks.0.attn.qkv" -> true: a matrix that quantisation concerns.
bool is_quantized_layer(const std::string& name);
// Whether any matrix of these is in eight bits.
bool is_quantized(const TensorMap& tensors);
// The same network in floats: matrices in eight bits as what they stand for, everything else as it is.
struct FloatTensors {
  TensorMap tensors;
  std::vector<std::shared_ptr<const void>> keep_alive;  // of the new matrices
};
FloatTensors in_floats(const TensorMap& tensors);
// The tensors without the scales: what a network's sizes are read from.
TensorMap without_scales(const TensorMap& tensors);

}  // namespace fsfm
