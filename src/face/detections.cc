#include "face/detections.h"

#include <algorithm>
#include <cmath>

#include "face/face_quality.h"
#include "media/draw.h"
#include "media/resize.h"

namespace fsfm {
namespace {

constexpr float kInside = 0.5f;  // share of the smaller box inside the larger that makes them one face

float intersection(const Detection& a, const Detection& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

bool same_face(const Detection& a, const Detection& b, float limit) {
  const float smaller = std::min(a.area(), b.area());
  return overlap(a, b) > limit || (smaller > 0 && intersection(a, b) / smaller > kInside);
}

bool finite(const Detection& d) {
  const bool box = std::isfinite(d.left + d.top + d.right + d.bottom + d.score) && d.right > d.left && d.bottom > d.top;
  return box && std::all_of(d.keypoints.begin(), d.keypoints.end(), [](Point p) { return std::isfinite(p.x + p.y); });
}

}  // namespace

float overlap(const Detection& a, const Detection& b) {
  const float common = intersection(a, b), all = a.area() + b.area() - common;
  return all > 0 ? common / all : 0;
}

std::vector<Detection> suppress(std::vector<Detection> detections, float limit, bool blend) {
  std::erase_if(detections, [](const Detection& d) { return !finite(d); });
  std::stable_sort(detections.begin(), detections.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  std::vector<Detection> kept;
  std::vector<bool> done(detections.size());
  for (size_t i = 0; i < detections.size(); ++i) {
    if (done[i]) continue;
    const Detection& best = detections[i];
    Detection sum{0, 0, 0, 0, 0, std::vector<Point>(best.keypoints.size())};
    for (size_t j = i; j < detections.size(); ++j) {
      const Detection& other = detections[j];
      if (done[j] || (j != i && !same_face(best, other, limit))) continue;
      done[j] = true;
      // Only close boxes take part in the mean: one that was merely inside would pull it away.
      if (overlap(best, other) <= limit || other.keypoints.size() != best.keypoints.size()) continue;
      sum.left += other.score * other.left;
      sum.top += other.score * other.top;
      sum.right += other.score * other.right;
      sum.bottom += other.score * other.bottom;
      sum.score += other.score;
      for (size_t k = 0; k < sum.keypoints.size(); ++k) {
        sum.keypoints[k].x += other.score * other.keypoints[k].x;
        sum.keypoints[k].y += other.score * other.keypoints[k].y;
      }
    }
    if (!blend || !(sum.score > 0)) {
      kept.push_back(best);
      continue;
    }
    for (float* value : {&sum.left, &sum.top, &sum.right, &sum.bottom}) *value /= sum.score;
    for (Point& point : sum.keypoints) point = {point.x / sum.score, point.y / sum.score};
    sum.score = best.score;
    kept.push_back(std::move(sum));
  }
  return kept;
}

std::vector<Face> to_faces(const Image& image, const std::vector<Detection>& detections) {
  std::vector<Face> faces;
  for (const Detection& d : detections) {
    if (d.right <= 0 || d.bottom <= 0 || d.left >= static_cast<float>(image.width) ||
        d.top >= static_cast<float>(image.height))
      continue;
    // Within a picture's size of the picture: rounding stays defined whatever a network said.
    const auto pixel = [](float value, int size) {
      return static_cast<int>(std::lround(std::clamp(value, static_cast<float>(-size), static_cast<float>(2 * size))));
    };
    const int left = pixel(d.left, image.width), top = pixel(d.top, image.height);
    Face face;
    face.box = {left, top, pixel(d.right, image.width) - left, pixel(d.bottom, image.height) - top};
    face.score = d.score;
    face.keypoints = d.keypoints;
    estimate_quality(image, face);
    if (face.box.width > 0 && face.box.height > 0) faces.push_back(std::move(face));
  }
  return faces;
}

Image sample_square(const Image& image, int left, int top, int side, int size) {
  Image canvas(size, size);
  const int x0 = std::max(left, 0), y0 = std::max(top, 0);
  const int x1 = std::min(left + side, image.width), y1 = std::min(top + side, image.height);
  if (x1 <= x0 || y1 <= y0) return canvas;
  const double scale = static_cast<double>(size) / side;
  const int u0 = static_cast<int>(std::lround((x0 - left) * scale)),
            v0 = static_cast<int>(std::lround((y0 - top) * scale));
  const int u1 = std::max(u0 + 1, static_cast<int>(std::lround((x1 - left) * scale)));
  const int v1 = std::max(v0 + 1, static_cast<int>(std::lround((y1 - top) * scale)));
  const bool whole = x0 == 0 && y0 == 0 && x1 == image.width && y1 == image.height;
  Image part;
  if (!whole) part = crop(image, {x0, y0, x1 - x0, y1 - y0});
  paste(canvas, resize(whole ? image : part, u1 - u0, v1 - v0, Kernel::bilinear), u0, v0);
  return canvas;
}

}  // namespace fsfm
