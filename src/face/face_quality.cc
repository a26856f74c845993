#include "face/face_quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "media/resize.h"

namespace fsfm {
namespace {

constexpr int kSide = 112;
// Distance between the eyes over the height of the nose tip above them, of an average adult head (64 mm / 36 mm).
constexpr float kEyesOverNose = 1.8f;

// The part of the box that lies in the picture.
Rect visible_part(const Image& image, const Rect& box) {
  const int left = std::clamp(box.left, 0, image.width), top = std::clamp(box.top, 0, image.height);
  return {left, top, std::clamp(box.right(), left, image.width) - left,
          std::clamp(box.bottom(), top, image.height) - top};
}

}  // namespace

float face_blur(const Image& image, const Rect& box) {
  const Rect inside = visible_part(image, box);
  if (inside.width < 2 || inside.height < 2) return 0;
  const Image face = resize(crop(image, inside), kSide, kSide, Kernel::bilinear);

  std::array<int, kSide * kSide> grey;  // 256 times the luma
  for (int i = 0; i < kSide * kSide; ++i)
    grey[i] = 77 * face.rgb[3 * i] + 150 * face.rgb[3 * i + 1] + 29 * face.rgb[3 * i + 2];
  double sum = 0, squares = 0;
  for (int y = 1; y < kSide - 1; ++y) {
    for (int x = 1; x < kSide - 1; ++x) {
      const int i = y * kSide + x;
      const double laplacian = (grey[i - 1] + grey[i + 1] + grey[i - kSide] + grey[i + kSide] - 4 * grey[i]) / 256.0;
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  constexpr double kCount = (kSide - 2) * (kSide - 2);
  return static_cast<float>(squares / kCount - sum / kCount * (sum / kCount));
}

// Turning by t shrinks the eyes' distance d to d cos t and moves a nose of height h by h sin t: their ratio is
// (h / d) tan t. Measured along the line of the eyes, so that a tilted head does not matter.
float face_yaw(std::span<const Point> keypoints) {
  if (keypoints.size() < 3) return 0;
  const Point right = keypoints[0], left = keypoints[1], nose = keypoints[2];
  // The axis runs from the middle of the eyes at a right angle to the mouth when known: in profile the eyes coincide.
  float ax = left.x - right.x, ay = left.y - right.y;
  if (keypoints.size() >= 4) {
    const float down_x = keypoints[3].x - (left.x + right.x) / 2, down_y = keypoints[3].y - (left.y + right.y) / 2;
    ax = down_y;
    ay = -down_x;
  }
  const float length = std::hypot(ax, ay);
  if (!(length > 0)) return 0;
  ax /= length;
  ay /= length;
  const float eyes = std::max(0.f, (left.x - right.x) * ax + (left.y - right.y) * ay);
  const float offset = (nose.x - (left.x + right.x) / 2) * ax + (nose.y - (left.y + right.y) / 2) * ay;
  const float degrees = std::atan2(kEyesOverNose * offset, eyes) * 180 / std::numbers::pi_v<float>;
  return std::clamp(degrees, -90.f, 90.f);
}

FaceLight face_light(const Image& image, const Rect& box) {
  const Rect inside = visible_part(image, box);
  if (inside.width < 1 || inside.height < 1) return {.bright = 0, .blown_out = 0};
  constexpr int kGrid = 64;  // points a side: enough for a share, and the same work for every face
  const int columns = std::min(kGrid, inside.width), rows = std::min(kGrid, inside.height);
  std::array<int, 256> histogram{};
  for (int i = 0; i < rows; ++i) {
    const uint8_t* row = image.row(inside.top + (2 * i + 1) * inside.height / (2 * rows));
    for (int j = 0; j < columns; ++j) {
      const uint8_t* p = row + 3 * (inside.left + (2 * j + 1) * inside.width / (2 * columns));
      ++histogram[(77 * p[0] + 150 * p[1] + 29 * p[2]) >> 8];
    }
  }
  const int points = rows * columns;
  FaceLight light;
  int above = 0, level = 255;
  while (level > 0 && above + histogram[level] <= points / 10) above += histogram[level--];
  light.bright = static_cast<float>(level);
  int white = 0;
  for (int i = 250; i < 256; ++i) white += histogram[i];
  light.blown_out = static_cast<float>(white) / static_cast<float>(points);
  return light;
}

void estimate_quality(const Image& image, Face& face) {
  face.blur = face_blur(image, face.box);
  face.yaw = face_yaw(face.keypoints);
}

}  // namespace fsfm
