// Random views of a labelled face: what makes the parser hold on small, dark, blurred and turned faces.
#pragma once

#include "base/rng.h"
#include "face/parsing_dataset.h"

namespace fsfm {

// A square view of `face`, `size` pixels wide. Geometry (picture and labels together): scale 0.7-1.7, rotation up to 30
// degrees (sometimes 90), shift, stretch, perspective, mirror image with left and right classes exchanged. Then, on the
// picture alone: light, contrast, colour, grey, shadow, blur, motion, low resolution, noise, JPEG; and patches that
// hide a part (their pixels become kIgnoredClass: what hides a face has no class of its own). Pixels from outside the
// picture are ignored as well.
LabelledFace random_view(const LabelledFace& face, int size, Rng& rng);

// Nearly the face itself: scale 0.9-1.15, a few degrees, a small shift, mirror image; in every third a little light or
// JPEG.
LabelledFace plain_view(const LabelledFace& face, int size, Rng& rng);

}  // namespace fsfm
