// What the tensors of a network must look like. No size that a file states is believed before these have seen the
// tensors: what is then built is no larger than the file. Each throws Error naming the missing or misshaped tensor.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tensorio/tensor.h"

namespace fsfm {

const Shape& shape_of(const TensorMap& tensors, const std::string& name);
void expect_shape(const TensorMap& tensors, const std::string& name, const Shape& shape);
// First size of a matrix, in 1..most.
int rows_of(const TensorMap& tensors, const std::string& name, int64_t most);
// How many transformer blocks PREFIX0., PREFIX1., ... there are.
int count_blocks(const TensorMap& tensors, const std::string& prefix);
void expect_blocks(const TensorMap& tensors, const std::string& prefix, int depth, int64_t width, int64_t mlp_hidden);

// Throws Error where `stated`, a card's configuration, has another value under a key of `seen`, what the tensors show.
// `stated` may be anything.
void expect_agreement(const nlohmann::json& stated, const nlohmann::json& seen);

}  // namespace fsfm
