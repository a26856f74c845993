// Resizing that equals the Python stack the published models were trained with.
#pragma once

#include "media/image.h"

namespace fsfm {

enum class Kernel { bilinear, bicubic, lanczos };

// Pillow's antialiased resize (fixed-point two-pass, bit-equal to Image.resize for RGB 8-bit). width, height >= 1.
Image resize(const Image& image, int width, int height, Kernel kernel = Kernel::bicubic);
// Resize so that the shorter side is `side` (torchvision's rule: the longer becomes int(side * long / short)).
Image resize_shorter(const Image& image, int side, Kernel kernel = Kernel::bicubic);
// torchvision CenterCrop: offset = round((size - crop) / 2.0), half to even as Python rounds.
Image center_crop(const Image& image, int side);
// Nearest neighbour, for class maps: [height * width] -> [out_h * out_w], centre of each target pixel.
std::vector<uint8_t> resize_nearest(std::span<const uint8_t> map, int width, int height, int out_width, int out_height);

}  // namespace fsfm
