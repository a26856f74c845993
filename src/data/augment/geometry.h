// Crops, flips and affine moves of training pictures.
#pragma once

#include <array>

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

// torchvision's RandomResizedCrop: a rectangle of `min_area`..1 of the picture and aspect ratio 3/4..4/3; the largest
// centred one of a legal ratio when ten draws do not fit.
Rect random_crop_rect(int width, int height, double min_area, Rng& rng);
Image random_resized_crop(const Image& image, int side, double min_area, Rng& rng);

void flip_horizontally(Image& image);

// Backward map: output pixel (x, y) shows input point (m[0]x + m[1]y + m[2], m[3]x + m[4]y + m[5]); bilinear; `fill`
// outside.
Image warp_affine(const Image& image, const std::array<double, 6>& m, std::array<uint8_t, 3> fill);

}  // namespace fsfm
