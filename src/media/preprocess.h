// From a picture to the numbers a network reads.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"
#include "media/resize.h"

namespace fsfm {

struct Normalization {
  std::array<float, 3> mean{.485f, .456f, .406f}, std{.229f, .224f, .225f};  // of pixels in [0,1]
};

// (pixel/255 - mean)/std, HWC uint8 -> CHW float; `out` holds 3*height*width floats.
void normalize_to_chw(const Image& image, const Normalization& norm, std::span<float> out);
// Inverse, clamped to 0..255.
Image denormalize_from_chw(std::span<const float> chw, int width, int height, const Normalization& norm);

// "pillow-bicubic-256-crop-224": shorter side to 256, centre crop 224 (evaluation transform of method.md section 4).
// "pillow-bicubic-224": straight to 224 x 224. The general forms are "pillow-bicubic-R-crop-S" and "pillow-bicubic-S",
// also with "bilinear" and "lanczos". Throws Error for any other name.
struct Transform {
  int resize = 256, size = 224;
  bool center_crop = true;
  Kernel kernel = Kernel::bicubic;
  static Transform parse(const std::string& name);
  std::string name() const;
  Image apply(const Image& image) const;  // -> size x size
};

// The authors' pretraining path for pictures that are not 224 x 224: torch bicubic (a = -0.75, align_corners false, no
// antialias) on the float tensor. CHW float -> CHW float.
std::vector<float> resize_tensor_bicubic(std::span<const float> chw, int channels, int width, int height, int out_width,
                                         int out_height);

}  // namespace fsfm
