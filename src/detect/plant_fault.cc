#include "detect/plant_fault.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "media/resize.h"

namespace fsfm {
namespace {

// The box around all pixels of these classes; nullopt when there are hardly any.
std::optional<Rect> box_of(const ParsingMap& map, std::initializer_list<uint8_t> classes) {
  int left = map.width, top = map.height, right = 0, bottom = 0, count = 0;
  for (int y = 0; y < map.height; ++y)
    for (int x = 0; x < map.width; ++x)
      if (std::find(classes.begin(), classes.end(), map.classes[static_cast<size_t>(y) * map.width + x]) !=
          classes.end()) {
        left = std::min(left, x);
        right = std::max(right, x + 1);
        top = std::min(top, y);
        bottom = std::max(bottom, y + 1);
        ++count;
      }
  if (count < map.width * map.height / 1000) return std::nullopt;
  return Rect{left, top, right - left, bottom - top};
}

// Grown by `share` of its size on each side, within the picture.
Rect grown(const Rect& box, double share, int side) {
  const int dx = static_cast<int>(box.width * share), dy = static_cast<int>(box.height * share);
  const int left = std::max(0, box.left - dx), top = std::max(0, box.top - dy);
  return {left, top, std::min(side, box.right() + dx) - left, std::min(side, box.bottom() + dy) - top};
}

std::optional<Rect> place_of(Fault fault, const ParsingMap& map) {
  constexpr double kMargin = 0.3;
  if (fault == Fault::mouth) {
    const auto mouth = box_of(map, {kUpperLip, kInnerMouth, kLowerLip});
    return mouth ? std::optional(grown(*mouth, kMargin, map.width)) : std::nullopt;
  }
  if (fault == Fault::eye) {
    const auto eye = box_of(map, {kRightEye, kRightBrow});
    return eye ? std::optional(grown(*eye, kMargin, map.width)) : std::nullopt;
  }
  // Between eye and mouth, beside the nose.
  const auto eye = box_of(map, {kLeftEye}), mouth = box_of(map, {kUpperLip, kInnerMouth, kLowerLip});
  if (!eye || !mouth || mouth->top <= eye->bottom()) return std::nullopt;
  const int height = mouth->top - eye->bottom();
  return grown({eye->left, eye->bottom(), eye->width, height}, 0.15, map.width);
}

// Each pixel the mean of its neighbourhood.
Image smoothed(const Image& image) {
  const int radius = std::max(2, image.width / 32);
  return resize(resize(image, std::max(1, image.width / radius), std::max(1, image.height / radius), Kernel::bilinear),
                image.width, image.height, Kernel::bicubic);
}

}  // namespace

std::string fault_name(Fault fault) {
  return fault == Fault::mouth ? "mouth of another" : fault == Fault::eye ? "eye of another" : "cheek smoothed";
}

bool is_region_of(Fault fault, RegionGroup region) {
  if (fault == Fault::mouth) return region == kMouth;
  if (fault == Fault::eye) return region == kEyes || region == kBrows;
  return region == kSkinGroup;
}

std::optional<PlantedFace> plant_fault(Fault fault, const Image& face, const ParsingMap& parsed, const Image& donor,
                                       const ParsingMap& donor_parsed, int grid) {
  const auto place = place_of(fault, parsed);
  const auto source = fault == Fault::cheek ? place : place_of(fault, donor_parsed);
  if (!place || !source || place->width < 8 || place->height < 8 || source->width < 8 || source->height < 8)
    return std::nullopt;
  const Image piece =
      resize(crop(fault == Fault::cheek ? smoothed(face) : donor, *source), place->width, place->height);
  PlantedFace planted{face, std::vector<uint8_t>(static_cast<size_t>(grid) * grid)};
  const int patch = face.width / grid;
  std::vector<int> touched(planted.spoilt.size());
  for (int y = 0; y < place->height; ++y)
    for (int x = 0; x < place->width; ++x) {
      // 1 in the middle of an ellipse, falling to 0 over the outer fifth.
      const double u = 2.0 * (x + 0.5) / place->width - 1, v = 2.0 * (y + 0.5) / place->height - 1;
      const double weight = std::clamp((1 - std::hypot(u, v)) / 0.2, 0.0, 1.0);
      if (weight <= 0) continue;
      const int px = place->left + x, py = place->top + y;
      uint8_t* to = planted.image.row(py) + static_cast<ptrdiff_t>(3) * px;
      const uint8_t* from = piece.row(y) + static_cast<ptrdiff_t>(3) * x;
      for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>(std::lround(weight * from[c] + (1 - weight) * to[c]));
      ++touched[static_cast<size_t>(std::min(grid - 1, py / patch)) * grid + std::min(grid - 1, px / patch)];
    }
  constexpr int kQuarter = 4;
  for (size_t p = 0; p < touched.size(); ++p) planted.spoilt[p] = touched[p] >= patch * patch / kQuarter;
  return planted;
}

}  // namespace fsfm
