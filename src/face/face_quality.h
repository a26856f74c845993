// How usable a face is: sharpness, head turn and light, for those who must decide whether to trust a score.
#pragma once

#include <span>

#include "face/face.h"

namespace fsfm {

// Variance of the Laplacian of the box's grey levels at 112 x 112; below about 20 the face is visibly blurred. 0 when
// the box does not meet the picture.
float face_blur(const Image& image, const Rect& box);

// Head turn in degrees, -90..90, positive when the face looks to the right of the picture; from right eye, left eye and
// nose tip (the first three key points). 0 when there are fewer.
float face_yaw(std::span<const Point> keypoints);

// The light on a face, from the grey levels (0..255) of its box.
struct FaceLight {
  float bright = 255;   // level that a tenth of the pixels exceed: the light parts of the face
  float blown_out = 0;  // share of pixels at 250 or more, where nothing is left to see
};
// Of a box that does not meet the picture: all dark.
FaceLight face_light(const Image& image, const Rect& box);

// Sets face.blur and face.yaw.
void estimate_quality(const Image& image, Face& face);

}  // namespace fsfm
