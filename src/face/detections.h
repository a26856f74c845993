// Raw finds of a face detector in picture coordinates, and what every convolutional detector does with them.
#pragma once

#include <vector>

#include "face/face.h"

namespace fsfm {

struct Detection {
  float left = 0, top = 0, right = 0, bottom = 0, score = 0;
  std::vector<Point> keypoints;  // as in Face

  float area() const { return (right - left) * (bottom - top); }
};

// Intersection over union, 0..1.
float overlap(const Detection& a, const Detection& b);
// Non-maximum suppression, best score first. A find is dropped when it overlaps a better one by more than `limit`, or
// when the smaller of the two lies mostly inside the other (part of a face taken for a face of its own). With `blend`,
// the survivor becomes the mean of its group weighted by score, which steadies boxes and key points.
std::vector<Detection> suppress(std::vector<Detection> detections, float limit, bool blend);

// Rounds boxes to pixels and measures blur and yaw. Finds that do not meet the picture are left out.
std::vector<Face> to_faces(const Image& image, const std::vector<Detection>& detections);

// The square part of the picture at (left, top) with sides of `side` pixels, shrunk or grown to `size` x `size`; black
// where it leaves the picture.
Image sample_square(const Image& image, int left, int top, int side, int size);

}  // namespace fsfm
