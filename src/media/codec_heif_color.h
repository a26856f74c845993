// What the numbers of a HEIC or AVIF picture mean: profiles, wide gamuts, high dynamic range. Internal to media/.
#pragma once

#include <libheif/heif.h>

#include <memory>

#include "media/codec_formats.h"

namespace fsfm::codec_detail {

struct FreeNclx {
  void operator()(heif_color_profile_nclx* nclx) const { heif_nclx_color_profile_free(nclx); }
};
// Primaries and transfer in words (CICP); null where the container has none. What only the coded stream says libheif
// does not tell.
using Nclx = std::unique_ptr<heif_color_profile_nclx, FreeNclx>;
Nclx nclx_of(const heif_image_handle* handle);

bool is_hdr(const Nclx& nclx);  // PQ, HLG

// The ICC profile that the file carries, which counts more than words (ISO/IEC 23008-12), or the one that the words of
// a wide gamut stand for.
void read_heif_profile(const heif_image_handle* handle, const Nclx& nclx, const Source& source);

// A picture of high dynamic range, as a video of the same scene is shown. `decoded`: interleaved, two bytes a value.
Image tone_mapped(const heif_image* decoded, const heif_color_profile_nclx& nclx, const Source& source);

}  // namespace fsfm::codec_detail
