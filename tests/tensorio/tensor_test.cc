#include "tensorio/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace fsfm {
namespace {

TEST(Half, EveryBitPatternSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = half_to_float(static_cast<uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(value))));
    else
      EXPECT_EQ(float_to_half(value), bits);
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(half_to_float(float_to_half(1.0f + 0x1.0p-11f)), 1.0f);              // a tie: to even
  EXPECT_EQ(half_to_float(float_to_half(1.0f + 0x1.8p-10f)), 1.0f + 0x1.0p-9f);  // a tie: to even, upwards
  EXPECT_EQ(half_to_float(float_to_half(65519.0f)), 65504.0f);
  EXPECT_TRUE(std::isinf(half_to_float(float_to_half(65520.0f))));
  EXPECT_EQ(half_to_float(float_to_half(0x1.0p-25f)), 0.0f);
}

TEST(Bfloat16, RoundsToNearestEvenAndKeepsNan) {
  EXPECT_EQ(bfloat16_to_float(float_to_bfloat16(1.0f + 0x1.0p-8f)), 1.0f);
  EXPECT_EQ(bfloat16_to_float(float_to_bfloat16(-3.140625f)), -3.140625f);
  EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Tensor, CountsAndRefusesOverflow) {
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({}), 1);
  EXPECT_THROW(element_count({int64_t{1} << 40, int64_t{1} << 40}), Error);
  EXPECT_THROW(element_count({2, -1}), Error);
}

TEST(Tensor, ConvertsIntegersAndHalvesToFloat) {
  const int16_t values[] = {-3, 7};
  const TensorView view{DType::i16, {2}, std::as_bytes(std::span(values))};
  EXPECT_EQ(view.to_float(), (std::vector<float>{-3, 7}));
  for (DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    const std::vector<float> numbers = {0.5f, -2.0f, 1024.0f};
    EXPECT_EQ(HostTensor::from_floats({3}, numbers, dtype).view().to_float(), numbers) << dtype_name(dtype);
  }
}

TEST(Tensor, ViewsOnlyTheRightTypeAndAlignment) {
  const std::vector<float> numbers = {1, 2, 3};
  const HostTensor tensor = HostTensor::from_floats({3}, numbers);
  EXPECT_EQ(tensor.view().as<float>()[2], 3.0f);
  EXPECT_THROW(tensor.view().as<double>(), Error);
  const TensorView shifted{DType::f32, {1}, std::span(tensor.data).subspan(1, 4)};
  EXPECT_THROW(shifted.as<float>(), Error);
  EXPECT_THROW(HostTensor::from_floats({4}, numbers), Error);
}

}  // namespace
}  // namespace fsfm
