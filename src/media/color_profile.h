// Colours of pictures that say how their numbers are meant (ICC profiles), brought to sRGB, as browsers and phones show
// them and as detectors learn them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "media/image.h"

namespace fsfm {

// CIE xy of white and of the three primaries.
struct Chromaticities {
  double white[2], red[2], green[2], blue[2];
};

// The ICC profile of these primaries with sRGB's curve.
std::vector<std::byte> profile_of(const Chromaticities& primaries);

// Changes the pixels from what `profile` means to sRGB (relative colorimetric, by Little CMS); leaves them as they are
// where that would move none by more than rounding does. False, with the pixels untouched: no profile, a damaged one,
// one of other than light (inks, Lab), or one of grey for a picture in colours. Thread-safe.
bool to_srgb(Image& image, std::span<const std::byte> profile);

}  // namespace fsfm
