// Draws verdicts into the picture they belong to.
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "detect/detect.h"
#include "media/draw.h"

namespace fsfm {
namespace {

constexpr Color kReal{30, 150, 70}, kAttack{205, 40, 40}, kUnsure{190, 130, 10}, kWhite{255, 255, 255};

Color color_of(VerdictKind verdict) {
  return verdict == VerdictKind::attack ? kAttack : verdict == VerdictKind::real ? kReal : kUnsure;
}

}  // namespace

Image annotate(const Image& image, const std::vector<FaceVerdict>& faces) {
  Image out = image;
  const int shorter = std::min(image.width, image.height);
  const int thickness = std::max(2, shorter / 250), size = std::clamp(shorter / 40, 9, 40), margin = size / 2;
  for (const auto& face : faces) {
    const Color color = color_of(face.verdict);
    draw_rect(out, face.face.box, color, thickness);
    // Words as well as colours: not everybody tells red from green.
    const std::string text = fmt::format("{} {:.2f}", verdict_name(face.verdict), face.score);
    const Rect& box = face.face.box;
    Rect plate{box.left, box.top - size - 2 * margin, text_width(text, size) + 2 * margin, size + 2 * margin};
    if (plate.top < 0) plate.top = std::clamp(box.bottom(), 0, std::max(0, image.height - plate.height));
    plate.left = std::clamp(plate.left, 0, std::max(0, image.width - plate.width));
    fill_rect(out, plate, color, 0.85);
    draw_text(out, plate.left + margin, plate.top + margin + size, text, kWhite, size);
  }
  return out;
}

}  // namespace fsfm
