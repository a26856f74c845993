// Draws verdicts into the picture they belong to.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "detect/detect.h"
#include "media/draw.h"

namespace fsfm {
namespace {

constexpr Color kReal{30, 150, 70}, kAttack{205, 40, 40}, kUnsure{190, 130, 10}, kWhite{255, 255, 255};
constexpr Color kFor{220, 30, 30}, kAgainst{40, 90, 220};  // of the map of an explanation

Color color_of(VerdictKind verdict) {
  return verdict == VerdictKind::attack ? kAttack : verdict == VerdictKind::real ? kReal : kUnsure;
}

// Between the middles of patches the map is read bilinearly.
float map_at(const Explanation& e, double x, double y) {
  const double gx = std::clamp(x * e.grid - 0.5, 0.0, e.grid - 1.0),
               gy = std::clamp(y * e.grid - 0.5, 0.0, e.grid - 1.0);
  const int left = static_cast<int>(gx), top = static_cast<int>(gy);
  const int right = std::min(left + 1, e.grid - 1), bottom = std::min(top + 1, e.grid - 1);
  const auto u = static_cast<float>(gx - left), v = static_cast<float>(gy - top);
  const auto at = [&](int column, int row) { return e.map[static_cast<size_t>(row) * e.grid + column]; };
  return (at(left, top) * (1 - u) + at(right, top) * u) * (1 - v) +
         (at(left, bottom) * (1 - u) + at(right, bottom) * u) * v;
}

bool crosses(const Rect& a, const Rect& b) {
  return a.left < b.right() && b.left < a.right() && a.top < b.bottom() && b.top < a.bottom();
}

// Where a face's words stand, `width` x `height`: above its box, or below where the picture ends or the words of
// another face (`taken`) stand already.
Rect place_words(const Image& image, const Rect& box, int width, int height, const std::vector<Rect>& taken) {
  const int left = std::clamp(box.left, 0, std::max(0, image.width - width));
  const Rect above{left, box.top - height, width, height};
  const Rect below{left, std::clamp(box.bottom(), 0, std::max(0, image.height - height)), width, height};
  const auto is_free = [&](const Rect& place) {
    return std::none_of(taken.begin(), taken.end(), [&](const Rect& other) { return crosses(place, other); });
  };
  if (above.top < 0) return below;
  return is_free(above) || !is_free(below) ? above : below;
}

// The map over the part of `image` at `place`.
void blend_map(Image& image, const Rect& place, const Explanation& e) {
  constexpr double kMostOpaque = 0.55, kLeastScale = 0.25;  // log odds: a flat map is not blown up to a loud one
  double scale = kLeastScale;
  for (const float value : e.map) scale = std::max(scale, std::fabs(static_cast<double>(value)));
  for (int y = std::max(0, place.top); y < std::min(image.height, place.bottom()); ++y)
    for (int x = std::max(0, place.left); x < std::min(image.width, place.right()); ++x) {
      const double value =
          map_at(e, (x + 0.5 - place.left) / place.width, (y + 0.5 - place.top) / place.height) / scale;
      const double opaque = kMostOpaque * std::min(1.0, std::fabs(value));
      const Color& color = value > 0 ? kFor : kAgainst;
      uint8_t* pixel = image.row(y) + 3 * static_cast<ptrdiff_t>(x);
      for (int c = 0; c < 3; ++c)
        pixel[c] = static_cast<uint8_t>(std::lround(pixel[c] * (1 - opaque) + color[static_cast<size_t>(c)] * opaque));
    }
}

}  // namespace

Image paint_map(const Explanation& explanation) {
  Image out = explanation.view;
  blend_map(out, {0, 0, out.width, out.height}, explanation);
  return out;
}

Image annotate(const Image& image, const std::vector<FaceVerdict>& faces) {
  Image out = image;
  const int shorter = std::min(image.width, image.height);
  const int thickness = std::max(2, shorter / 250), size = std::clamp(shorter / 40, 14, 40), margin = size / 2;
  std::vector<Rect> taken;
  for (const auto& face : faces)
    if (face.explanation) blend_map(out, face.explanation->place, *face.explanation);
  for (const auto& face : faces) draw_rect(out, face.face.box, color_of(face.verdict), thickness);
  for (const auto& face : faces) {
    const Color color = color_of(face.verdict);
    // Words as well as colours: not everybody tells red from green.
    const std::string text = fmt::format("{} {:.2f}", verdict_name(face.verdict), face.score);
    const Rect plate = place_words(image, face.face.box, text_width(text, size) + 2 * margin, size + 2 * margin, taken);
    taken.push_back(plate);
    fill_rect(out, plate, color, 0.85);
    draw_text(out, plate.left + margin, plate.top + margin + size, text, kWhite, size);
  }
  return out;
}

}  // namespace fsfm
