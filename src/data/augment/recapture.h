// A replay attack made from ONE real picture: it is shown on a screen and filmed again. A detector trained on these
// needs no spoofing hardware.
#pragma once

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

// What any camera does: a little blur, noise and compression, each of random strength from none on. Real pictures pass
// it too, so that the screen alone tells the two apart. Same size; the result depends on `rng` alone.
Image filmed(const Image& image, Rng& rng);

// A screen's flat contrast and light and the interference of its grid with the camera's, then filmed().
Image filmed_from_screen(const Image& image, Rng& rng);

}  // namespace fsfm
