// How hard a JPEG was compressed: read from its quantisation table, and found in the pixels for compressions before
// that.
#pragma once

#include <cstddef>
#include <span>

#include "media/image.h"

namespace fsfm {

// The quality (1..100, libjpeg's scale) whose standard luminance table is nearest to the file's; 0 when the bytes are
// no JPEG or hold no table. Reads headers only.
int estimate_jpeg_quality(std::span<const std::byte> bytes);

// The quality of an earlier compression whose traces the pixels still bear: their block transform lies near the
// multiples of its table (after Farid 2009, "Exposing digital forgeries from JPEG ghosts"). 0 = none found.
// `last_quality` is that of the file itself, 0 for a lossless one. Seen are standard tables coarser than the last, on
// the picture's own 8 x 8 grid: resizing or cropping in between wipes the traces out.
int estimate_earlier_jpeg_quality(const Image& image, int last_quality);

}  // namespace fsfm
