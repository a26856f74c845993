#include "tensorio/tensor.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"

namespace fsfm {
namespace {

struct DTypeInfo {
  const char* name;
  size_t size;
};
// In the order of the enumeration.
constexpr std::array<DTypeInfo, 10> kDTypes = {{{"F64", 8},
                                                {"F32", 4},
                                                {"F16", 2},
                                                {"BF16", 2},
                                                {"I64", 8},
                                                {"I32", 4},
                                                {"I16", 2},
                                                {"I8", 1},
                                                {"U8", 1},
                                                {"BOOL", 1}}};

// Bytes may be misaligned (files owe us nothing), hence memcpy.
template <class T, class Convert>
void convert_all(std::span<const std::byte> bytes, std::vector<float>& out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(value);
  }
}

}  // namespace

size_t dtype_size(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].size; }
const char* dtype_name(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (size_t i = 0; i < kDTypes.size(); ++i)
    if (name == kDTypes[i].name) return static_cast<DType>(i);
  return std::nullopt;
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0) throw Error("tensor shape " + shape_text(shape) + " has a negative size");
    if (__builtin_mul_overflow(count, size, &count)) throw Error("tensor shape " + shape_text(shape) + " is too large");
  }
  return count;
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

float half_to_float(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f, mantissa = bits & 0x3ffu;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24 is exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1.0p-24f;
    return sign ? -magnitude : magnitude;
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;   // NaN
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // rounds to infinity
  if (magnitude < 0x38800000u) {                        // subnormal: let the FPU round the integer mantissa
    const float scaled = std::bit_cast<float>(magnitude) * 0x1.0p24f;
    const float magic = 0x1.0p23f;  // adding and subtracting rounds to an integer, ties to even
    return sign | static_cast<uint16_t>((scaled + magic) - magic);
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return sign | static_cast<uint16_t>((rounded - 0x38000000u) >> 13);
}

float bfloat16_to_float(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

uint16_t float_to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);  // NaN stays NaN
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

std::vector<float> TensorView::to_float() const {
  const size_t n = static_cast<size_t>(count());
  if (bytes.size() / dtype_size(dtype) < n) throw Error("tensor of shape " + shape_text(shape) + " lacks bytes");
  std::vector<float> out(n);
  auto plain = [](auto value) { return static_cast<float>(value); };
  switch (dtype) {
    case DType::f64:
      convert_all<double>(bytes, out, plain);
      break;
    case DType::f32:
      convert_all<float>(bytes, out, plain);
      break;
    case DType::f16:
      convert_all<uint16_t>(bytes, out, half_to_float);
      break;
    case DType::bf16:
      convert_all<uint16_t>(bytes, out, bfloat16_to_float);
      break;
    case DType::i64:
      convert_all<int64_t>(bytes, out, plain);
      break;
    case DType::i32:
      convert_all<int32_t>(bytes, out, plain);
      break;
    case DType::i16:
      convert_all<int16_t>(bytes, out, plain);
      break;
    case DType::i8:
      convert_all<int8_t>(bytes, out, plain);
      break;
    case DType::u8:
      convert_all<uint8_t>(bytes, out, plain);
      break;
    case DType::boolean:
      convert_all<uint8_t>(bytes, out, [](uint8_t v) { return v ? 1.0f : 0.0f; });
      break;
  }
  return out;
}

void TensorView::check_element(unsigned mask, size_t alignment) const {
  if (!(mask & bit(dtype))) throw Error(std::string("tensor holds ") + dtype_name(dtype) + ", not the type asked for");
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment != 0) throw Error("tensor bytes are misaligned");
}

HostTensor HostTensor::from_floats(Shape shape, std::span<const float> values, DType dtype) {
  if (static_cast<size_t>(element_count(shape)) != values.size())
    throw Error(std::to_string(values.size()) + " values do not fit shape " + shape_text(shape));
  HostTensor tensor{dtype, std::move(shape), std::vector<std::byte>(values.size() * dtype_size(dtype))};
  auto store = [&](auto convert) {
    for (size_t i = 0; i < values.size(); ++i) {
      const auto value = convert(values[i]);
      std::memcpy(tensor.data.data() + i * sizeof(value), &value, sizeof(value));
    }
  };
  switch (dtype) {
    case DType::f64:
      store([](float v) { return static_cast<double>(v); });
      break;
    case DType::f32:
      store([](float v) { return v; });
      break;
    case DType::f16:
      store(float_to_half);
      break;
    case DType::bf16:
      store(float_to_bfloat16);
      break;
    default:
      throw Error(std::string("cannot store floats as ") + dtype_name(dtype));
  }
  return tensor;
}

}  // namespace fsfm
