// From the faces of a picture to a word on the whole.
#pragma once

#include <optional>
#include <span>

#include "detect/detect.h"

namespace fsfm {

struct PictureVerdict {
  VerdictKind verdict = VerdictKind::inconclusive;
  double score = 0;  // the highest among the faces with this verdict
};

// That of the worst face: attack before inconclusive before real. nullopt without a face.
std::optional<PictureVerdict> picture_verdict(std::span<const FaceVerdict> faces);

}  // namespace fsfm
