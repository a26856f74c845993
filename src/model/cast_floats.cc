#include "model/cast_floats.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <utility>

#include "base/error.h"

namespace fsfm {
namespace {

float largest(DType dtype) { return dtype == DType::f16 ? 65504.0f : 3.38953139e38f; }

}  // namespace

bool is_float(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

DType parse_float_type(const std::string& word) {
  if (word == "f32") return DType::f32;
  if (word == "f16") return DType::f16;
  if (word == "bf16") return DType::bf16;
  throw Error("'" + word + "' is no type of weights", "known are f32, f16 and bf16");
}

void cast_floats(TensorMap& tensors, DType dtype, std::vector<std::shared_ptr<const void>>& keep_alive) {
  TensorMap cast;
  std::vector<std::shared_ptr<const void>> owners;
  for (const auto& [name, tensor] : tensors) {
    if (!is_float(tensor.dtype) || tensor.dtype == dtype) continue;
    const std::vector<float> values = tensor.to_float();
    if (dtype != DType::f32)
      for (const float value : values)
        if (std::fabs(value) > largest(dtype))
          throw Error(fmt::format("tensor '{}' holds {:g}, which is too large for {}", name, value, dtype_name(dtype)),
                      "keep the type of the file, or choose another one: --dtype");
    auto owned = std::make_shared<HostTensor>(HostTensor::from_floats(tensor.shape, values, dtype));
    cast.emplace(name, owned->view());
    owners.push_back(std::move(owned));
  }
  for (auto& [name, tensor] : cast) tensors[name] = tensor;
  keep_alive.insert(keep_alive.end(), owners.begin(), owners.end());
}

}  // namespace fsfm
