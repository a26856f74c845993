// Tensors as plain host memory: what files hold and what the two halves of the project exchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace fsfm {

enum class DType : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

size_t dtype_size(DType dtype);            // bytes per element
const char* dtype_name(DType dtype);       // safetensors spelling: "F32", "BF16", "I64", "BOOL"...

using Shape = std::vector<int64_t>;
// Product of the sizes; throws Error when a size is negative or the product overflows.
int64_t element_count(const Shape& shape);

// A tensor that somebody else owns (a mapped file, a buffer): contiguous, row-major, little-endian.
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;

  int64_t count() const { return element_count(shape); }
  // Copies to float, converting f64/f16/bf16/integers.
  std::vector<float> to_float() const;
  // Elements as T without a copy; throws Error if T does not match dtype or the bytes are misaligned.
  template <class T>
  std::span<const T> as() const;
};

// A tensor that owns its memory.
struct HostTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> data;

  TensorView view() const { return {dtype, shape, data}; }
  static HostTensor from_floats(Shape shape, std::span<const float> values);
};

// Ordered by name; what readers return and writers take.
using TensorMap = std::map<std::string, TensorView>;

}  // namespace fsfm
