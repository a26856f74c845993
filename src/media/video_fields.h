// Interlaced frames: two half pictures of different moments, woven into one.
#pragma once

#include "media/av.h"

namespace fsfm {

// The frame without the comb, of the same size (bwdif, one frame out for each in). The frames before and after it in
// the film tell what moves; null, or of another shape: the frame itself stands in. Frames of less than 4 x 4 pixels
// come back as they are. Throws Error when the filter fails.
av::Frame deinterlace(const AVFrame* before, const AVFrame& frame, const AVFrame* after);

}  // namespace fsfm
