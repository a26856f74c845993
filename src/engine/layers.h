// What the engine's networks are made of: a layer, a norm and a buffer, from the tensors of a file.
#pragma once

#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "engine/precision.h"
#include "kernels/packed_linear.h"
#include "tensorio/tensor.h"

namespace fsfm {

// A tensor's values in floats: where the file keeps floats, those of the file, which must then live as long.
class Floats {
 public:
  explicit Floats(const TensorView& tensor);
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  operator std::span<const float>() const { return values_; }

 private:
  std::vector<float> own_;
  std::span<const float> values_;
};

struct LayerNorm {
  std::vector<float> weight, bias;

  // NAME.weight and NAME.bias.
  LayerNorm(const TensorMap& tensors, const std::string& name)
      : weight(tensors.at(name + ".weight").to_float()), bias(tensors.at(name + ".bias").to_float()) {}
  // Valid as long as this is.
  RowNorm rows(double eps) const { return {weight.data(), bias.data(), static_cast<float>(eps)}; }
};

// NAME.weight and NAME.bias, in floats or in bytes with NAME.weight_scale, for products in `precision`, which is not
// automatic. Throws Error for bytes without their scales.
PackedLinear make_linear(OneDnn& onednn, const TensorMap& tensors, const std::string& name, int inputs, int outputs,
                         Post post, int rows_hint, EnginePrecision precision);

// Grows and never shrinks; 64-byte aligned for whole cache lines.
class Buffer {
 public:
  float* get(size_t count) {
    if (count > size_) {
      data_.reset();
      data_.reset(static_cast<float*>(::operator new(count * sizeof(float), kAlignment)));
      size_ = count;
    }
    return data_.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace fsfm
