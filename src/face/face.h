// What is known about one face of a picture.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm {

struct Point {
  float x = 0, y = 0;
};

struct Face {
  Rect box;                      // face detector's box, in pixels of the picture; may stick out of it
  float score = 0;               // face detector's confidence (its own scale)
  std::vector<Point> keypoints;  // right eye, left eye, nose tip, mouth centre, right ear, left ear; or empty
  float blur = 0;                // variance of the Laplacian of the 112 px grey crop; larger = sharper
  float yaw = 0;                 // degrees, from the key points; 0 when unknown
};

// method.md section 1: side = int(max(w,h)*scale), centred on the box centre (integer division), clamped at the
// left/top edge, shortened at the right/bottom edge. Always inside the picture; width == height except where shortened
// together.
Rect crop_rect(const Rect& box, int image_width, int image_height, double scale = 1.3);

}  // namespace fsfm
