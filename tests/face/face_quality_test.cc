#include "face/face_quality.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace fsfm {
namespace {

TEST(FaceYaw, FollowsTheNose) {
  const Point right{40, 50}, left{80, 50}, mouth{60, 90};
  EXPECT_FLOAT_EQ(face_yaw(std::vector<Point>{right, left, {60, 70}, mouth}), 0);
  const float some = face_yaw(std::vector<Point>{right, left, {68, 70}, mouth});
  const float more = face_yaw(std::vector<Point>{right, left, {78, 70}, mouth});
  EXPECT_GT(some, 5);
  EXPECT_GT(more, some);
  EXPECT_NEAR(face_yaw(std::vector<Point>{right, left, {52, 70}, mouth}), -some, 1e-3);
  // In profile the eyes coincide.
  EXPECT_NEAR(face_yaw(std::vector<Point>{{60, 50}, {60, 50}, {90, 70}, {65, 90}}), 90, 10);
  EXPECT_EQ(face_yaw(std::vector<Point>{right, left}), 0);
}

TEST(FaceYaw, IgnoresATiltedHead) {
  // The frontal face of above, turned by 90 degrees in the picture.
  EXPECT_NEAR(face_yaw(std::vector<Point>{{50, 40}, {50, 80}, {30, 60}, {10, 60}}), 0, 1e-4);
}

TEST(FaceBlur, FallsWithSharpness) {
  Image sharp(112, 112), soft(112, 112, 128), flat(112, 112, 128);
  for (int y = 0; y < 112; ++y) {
    for (int x = 0; x < 3 * 112; ++x) {
      sharp.row(y)[x] = (x / 12 + y / 4) % 2 ? 200 : 60;
      soft.row(y)[x] = static_cast<uint8_t>(60 + x / 3 + y / 2);
    }
  }
  const Rect all{0, 0, 112, 112};
  EXPECT_GT(face_blur(sharp, all), 500);
  EXPECT_LT(face_blur(soft, all), 5);
  EXPECT_EQ(face_blur(flat, all), 0);
  EXPECT_EQ(face_blur(flat, {500, 500, 20, 20}), 0);
}

TEST(FaceQuality, LightTellsDarkAndBlownOutFaces) {
  const Rect box{10, 10, 80, 80};
  EXPECT_NEAR(face_light(Image(100, 100, 20), box).bright, 20, 1);
  EXPECT_EQ(face_light(Image(100, 100, 20), box).blown_out, 0);
  Image half(100, 100, 120);
  for (int y = 0; y < 50; ++y) std::fill_n(half.row(y), 300, uint8_t{255});
  EXPECT_NEAR(face_light(half, box).blown_out, 0.5, 0.02);
  EXPECT_EQ(face_light(half, box).bright, 255);
  EXPECT_EQ(face_light(half, {200, 0, 10, 10}).bright, 0);  // outside the picture
}

}  // namespace
}  // namespace fsfm
