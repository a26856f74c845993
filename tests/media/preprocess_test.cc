#include "media/preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "media/codec.h"
#include "support/paths.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

// Of the reference pictures: the mean and std named in their file.
const Normalization kNorm{{0.5482207537f, 0.4234053493f, 0.3654651642f}, {0.2789176106f, 0.2438540757f, 0.2349389344f}};

class Preprocess : public testing::Test {
 protected:
  TensorFile golden_ = read_safetensors(test::golden("preprocess.safetensors"));
  Image photo_ = read_image(test::golden("photo.png"));

  // One grey level, in normalised units, is the largest difference allowed.
  void expect_close(const std::vector<float>& ours, const std::string& name, double mean_limit) {
    const auto theirs = golden_.tensors.at(name).to_float();
    ASSERT_EQ(ours.size(), theirs.size());
    double sum = 0, largest = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      const double difference = std::abs(ours[i] - theirs[i]);
      sum += difference;
      largest = std::max(largest, difference);
    }
    EXPECT_LE(largest, 1.0 / 255 / 0.234) << name;
    EXPECT_LE(sum / static_cast<double>(ours.size()), mean_limit) << name;
  }
};

std::vector<float> normalized(const Image& image) {
  std::vector<float> out(image.rgb.size());
  normalize_to_chw(image, kNorm, out);
  return out;
}

TEST_F(Preprocess, DecodesTheSamePixels) {
  const auto pixels = golden_.tensors.at("photo").as<uint8_t>();
  ASSERT_EQ(pixels.size(), photo_.rgb.size());
  EXPECT_TRUE(std::equal(pixels.begin(), pixels.end(), photo_.rgb.begin()));
}

TEST_F(Preprocess, EvaluationTransformsEqualTheReference) {
  expect_close(normalized(Transform::parse("pillow-bicubic-256-crop-224").apply(photo_)), "eval_resize256_crop224",
               1e-6);
  expect_close(normalized(Transform::parse("pillow-bicubic-224").apply(photo_)), "square224", 1e-6);
}

TEST_F(Preprocess, TensorResizeEqualsTheReference) {
  const auto chw = normalized(photo_);
  expect_close(resize_tensor_bicubic(chw, 3, photo_.width, photo_.height, 224, 224), "pretrain_tensor_resize224", 1e-5);
}

TEST_F(Preprocess, DenormalizingGivesThePictureBack) {
  EXPECT_EQ(denormalize_from_chw(normalized(photo_), photo_.width, photo_.height, kNorm).rgb, photo_.rgb);
  const std::vector<float> wild = {1e9f, -1e9f, NAN};
  EXPECT_EQ(denormalize_from_chw(wild, 1, 1, kNorm).rgb, (std::vector<uint8_t>{255, 0, 0}));
}

TEST(Transform, NamesRoundTrip) {
  for (const char* name : {"pillow-bicubic-256-crop-224", "pillow-bicubic-224", "pillow-bicubic-64-crop-56"})
    EXPECT_EQ(Transform::parse(name).name(), name);
  const Image out = Transform::parse("pillow-bicubic-64-crop-56").apply(Image(100, 300));
  EXPECT_EQ(out.width, 56);
  EXPECT_EQ(out.height, 56);
}

TEST(Transform, UnknownNamesAreRefusedWithTheWayOut) {
  for (const char* name : {"", "bicubic", "pillow-bicubic-", "pillow-bicubic-0", "pillow-bicubic-256-crop",
                           "pillow-bicubic-2x-crop-2", "pillow-bicubic-99999999999999-crop-224"}) {
    try {
      Transform::parse(name);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("pillow-bicubic-256-crop-224"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace fsfm
