// How hard a JPEG was compressed, read from its quantisation table.
#pragma once

#include <cstddef>
#include <span>

namespace fsfm {

// The quality (1..100, libjpeg's scale) whose standard luminance table is nearest to the file's; 0 when the bytes are
// no JPEG or hold no table. Reads headers only.
int estimate_jpeg_quality(std::span<const std::byte> bytes);

}  // namespace fsfm
