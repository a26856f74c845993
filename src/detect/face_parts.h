// How much of a face can be seen.
#pragma once

#include "face/parser.h"
#include "media/image.h"

namespace fsfm {

// Share of the middle of a face's box that the parser calls skin, brow, eye, nose or mouth. `view` is the picture's
// part at `crop`, `box` the face detector's; both in pixels of the picture.
double face_parts(FaceParser& parser, const Image& view, const Rect& crop, const Rect& box);

}  // namespace fsfm
