// A presentation attack made from ONE real picture: it is shown on a screen or printed, and filmed again. A detector
// trained on these needs no spoofing hardware.
#pragma once

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

// What any camera does: a little blur, noise and compression, each of random strength from none on. Real pictures pass
// it too, so that the screen or the paper alone tells the two apart. Same size; the result depends on `rng` alone.
Image filmed(const Image& image, Rng& rng);

// A screen's flat contrast and light and the interference of its grid with the camera's, then filmed().
Image filmed_from_screen(const Image& image, Rng& rng);

// Ink on paper: black that is grey, white that is not quite, paler colours with a cast, the printer's dots and bands,
// sometimes a lamp's reflection; then filmed().
Image filmed_from_print(const Image& image, Rng& rng);

}  // namespace fsfm
