#include "data/augment/rand_augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/augment/color.h"
#include "data/augment/geometry.h"

namespace fsfm {
namespace {

constexpr double kMaxLevel = 10;
constexpr std::array<uint8_t, 3> kFill = {124, 116, 104};  // ImageNet's mean colour, as timm fills

enum Operation : uint8_t {
  kAutoContrast,
  kEqualize,
  kInvert,
  kRotate,
  kPosterize,
  kSolarize,
  kSolarizeAdd,
  kColor,
  kContrast,
  kBrightness,
  kSharpness,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
  kOperations
};

Image rotate(const Image& image, double degrees) {
  const double a = degrees * std::numbers::pi / 180, c = std::cos(a), s = std::sin(a);
  const double cx = image.width / 2.0, cy = image.height / 2.0;
  return warp_affine(image, {c, s, cx - c * cx - s * cy, -s, c, cy + s * cx - c * cy}, kFill);
}

Image apply(Image image, Operation operation, double level, Rng& rng) {
  const double part = level / kMaxLevel;
  const auto either_way = [&](double value) { return rng.chance(0.5) ? -value : value; };
  const auto factor = [&] { return 1.0 + either_way(0.9 * part); };
  switch (operation) {
    case kAutoContrast:
      auto_contrast(image);
      break;
    case kEqualize:
      equalize(image);
      break;
    case kInvert:
      invert(image);
      break;
    case kPosterize:
      posterize(image, 4 - static_cast<int>(part * 4));
      break;
    case kSolarize:
      solarize(image, 256 - static_cast<int>(part * 256));
      break;
    case kSolarizeAdd:
      solarize_add(image, static_cast<int>(part * 110));
      break;
    case kColor:
      enhance_color(image, factor());
      break;
    case kContrast:
      enhance_contrast(image, factor());
      break;
    case kBrightness:
      enhance_brightness(image, factor());
      break;
    case kSharpness:
      enhance_sharpness(image, factor());
      break;
    case kRotate:
      return rotate(image, either_way(30 * part));
    case kShearX:
      return warp_affine(image, {1, either_way(0.3 * part), 0, 0, 1, 0}, kFill);
    case kShearY:
      return warp_affine(image, {1, 0, 0, either_way(0.3 * part), 1, 0}, kFill);
    case kTranslateX:
      return warp_affine(image, {1, 0, either_way(0.45 * part) * image.width, 0, 1, 0}, kFill);
    case kTranslateY:
      return warp_affine(image, {1, 0, 0, 0, 1, either_way(0.45 * part) * image.height}, kFill);
    case kOperations:
      break;
  }
  return image;
}

}  // namespace

Image rand_augment(Image image, const RandAugmentOptions& options, Rng& rng) {
  for (int layer = 0; layer < options.layers; ++layer) {
    const auto operation = static_cast<Operation>(rng.below(kOperations));
    if (!rng.chance(options.probability)) continue;
    const double level = std::clamp(options.magnitude + options.magnitude_std * rng.normal(), 0.0, kMaxLevel);
    image = apply(std::move(image), operation, level, rng);
  }
  return image;
}

}  // namespace fsfm
