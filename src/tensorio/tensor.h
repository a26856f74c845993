// Tensors as plain host memory: what files hold and what the two halves of the project exchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fsfm {

enum class DType : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

size_t dtype_size(DType dtype);                           // bytes per element
const char* dtype_name(DType dtype);                      // safetensors spelling: "F32", "BF16", "I64", "BOOL"...
std::optional<DType> parse_dtype(std::string_view name);  // the inverse; nullopt for a spelling not listed above

using Shape = std::vector<int64_t>;
// Product of the sizes; throws Error when a size is negative or the product overflows.
int64_t element_count(const Shape& shape);
// "[2, 3, 224, 224]", for messages.
std::string shape_text(const Shape& shape);

// IEEE half and bfloat16 as bit patterns; rounding is to nearest, ties to even.
float half_to_float(uint16_t bits);
uint16_t float_to_half(float value);
float bfloat16_to_float(uint16_t bits);
uint16_t float_to_bfloat16(float value);

// A tensor that somebody else owns (a mapped file, a buffer): contiguous, row-major, little-endian.
struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;

  int64_t count() const { return element_count(shape); }
  // Copies to float, converting f64/f16/bf16/integers.
  std::vector<float> to_float() const;
  // Elements as T without a copy; throws Error if T does not match dtype or the bytes are misaligned. f16 and bf16 are
  // seen as uint16_t, booleans as uint8_t.
  template <class T>
  std::span<const T> as() const {
    check_element(kDTypeMask<T>, alignof(T));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

 private:
  static constexpr unsigned bit(DType dtype) { return 1u << static_cast<unsigned>(dtype); }
  template <class T>
  static constexpr unsigned kDTypeMask = std::is_same_v<T, double>     ? bit(DType::f64)
                                         : std::is_same_v<T, float>    ? bit(DType::f32)
                                         : std::is_same_v<T, uint16_t> ? bit(DType::f16) | bit(DType::bf16)
                                         : std::is_same_v<T, int64_t>  ? bit(DType::i64)
                                         : std::is_same_v<T, int32_t>  ? bit(DType::i32)
                                         : std::is_same_v<T, int16_t>  ? bit(DType::i16)
                                         : std::is_same_v<T, int8_t>   ? bit(DType::i8)
                                         : std::is_same_v<T, uint8_t>  ? bit(DType::u8) | bit(DType::boolean)
                                                                       : 0u;
  void check_element(unsigned mask, size_t alignment) const;
};

// A tensor that owns its memory.
struct HostTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> data;

  TensorView view() const { return {dtype, shape, data}; }
  // `dtype` may be f64, f32, f16 or bf16; throws Error when the number of values does not fit the shape.
  static HostTensor from_floats(Shape shape, std::span<const float> values, DType dtype = DType::f32);
};

// Ordered by name; what readers return and writers take.
using TensorMap = std::map<std::string, TensorView>;

}  // namespace fsfm
