#include "detect/picture_verdict.h"

#include <algorithm>

namespace fsfm {

std::optional<PictureVerdict> picture_verdict(std::span<const FaceVerdict> faces) {
  for (const VerdictKind kind : {VerdictKind::attack, VerdictKind::inconclusive, VerdictKind::real}) {
    std::optional<PictureVerdict> found;
    for (const auto& face : faces)
      if (face.verdict == kind) found = {kind, std::max(found ? found->score : 0, face.score)};
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace fsfm
