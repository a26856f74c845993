// What the pictures of a HEIF file are made of: tiles of a grid, layers of an overlay, planes of alpha.
#pragma once

#include <cstdint>

#include "media/codec_formats.h"

namespace fsfm::codec_detail {

// Why the picture `item` must not be given to libheif, which follows references wherever they lead: "it is made of
// itself", "it is made of too many parts"; "" when there is no reason.
const char* heif_parts_problem(Bytes file, uint32_t item);

}  // namespace fsfm::codec_detail
