#include "model/average_floats.h"

#include "base/error.h"
#include "model/cast_floats.h"

namespace fsfm {
namespace {

void require_same_names(const TensorMap& tensors, const TensorMap& other) {
  for (const auto& [name, tensor] : tensors) {
    const auto found = other.find(name);
    if (found == other.end()) throw Error("tensor '" + name + "' is in one of the networks only");
    if (found->second.shape != tensor.shape) throw Error("tensor '" + name + "' has two shapes");
  }
  for (const auto& [name, tensor] : other)
    if (!tensors.contains(name)) throw Error("tensor '" + name + "' is in one of the networks only");
}

}  // namespace

void average_floats(TensorMap& tensors, const std::vector<TensorMap>& others,
                    std::vector<std::shared_ptr<const void>>& keep_alive) {
  for (const TensorMap& other : others) require_same_names(tensors, other);
  for (auto& [name, tensor] : tensors) {
    if (!is_float(tensor.dtype)) continue;
    const std::vector<float> first = tensor.to_float();
    std::vector<double> sums(first.begin(), first.end());
    for (const TensorMap& other : others) {
      const std::vector<float> more = other.at(name).to_float();
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += more[i];
    }
    std::vector<float> means(sums.size());
    for (size_t i = 0; i < sums.size(); ++i)
      means[i] = static_cast<float>(sums[i] / static_cast<double>(others.size() + 1));
    auto owned = std::make_shared<HostTensor>(HostTensor::from_floats(tensor.shape, means));
    tensor = owned->view();
    keep_alive.push_back(std::move(owned));
  }
}

}  // namespace fsfm
