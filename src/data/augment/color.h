// Colour operations of training augmentation, by Pillow's definitions.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

// Pillow's ImageEnhance: factor 1 leaves the picture as it is, 0 gives grey, mean grey, black and smoothed.
void enhance_color(Image& image, double factor);
void enhance_contrast(Image& image, double factor);
void enhance_brightness(Image& image, double factor);
void enhance_sharpness(Image& image, double factor);

// Pillow's ImageOps, per channel.
void auto_contrast(Image& image);
void equalize(Image& image);
void invert(Image& image);
void posterize(Image& image, int bits);       // keeps the `bits` highest bits, 0..8
void solarize(Image& image, int threshold);   // inverts values >= threshold
void solarize_add(Image& image, int amount);  // adds to values below 128

// Multiplies HSV saturation (anti-spoofing recipe: factor drawn from .8 to 1.2).
void scale_saturation(Image& image, double factor);

}  // namespace fsfm
