// From the faces of a video's frames to a word on each person and on the film.
#pragma once

#include "detect/detect.h"

namespace fsfm {

// Sets everything of `video` that follows from its frames and their persons.
void conclude(VideoVerdict& video, const ModelCard& card);

}  // namespace fsfm
