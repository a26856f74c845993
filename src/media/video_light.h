// High dynamic range and wide gamuts brought to what an SDR video of the same scene would hold.
#pragma once

#include "media/av.h"

namespace fsfm {

// Is a frame's light not that of an ordinary (BT.709, sRGB) screen?
bool needs_tone_mapping(const AVFrame& frame);

// `from`: the frame as R'G'B' of 16 bits in its own transfer and primaries (those of `tags`); `to`: an RGB24 frame of
// the same size.
void tone_map(const AVFrame& tags, const AVFrame& from, AVFrame& to);

}  // namespace fsfm
