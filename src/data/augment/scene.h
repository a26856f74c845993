// What the moment of a photograph adds to a face: a tilted head and coloured light. Training augmentation.
#pragma once

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

// The picture turned about its centre, `degrees` counter-clockwise, at its old size; the corners show its mirror image,
// so that no edge gives the turn away.
Image tilted(const Image& image, double degrees);

// Two lights of different colours from opposite sides: each channel is multiplied by a gain that runs from exp(N(0, s))
// at one side to another such draw at the other, s = `spread`; 0 leaves the picture as it is.
void light_from_two_sides(Image& image, double spread, Rng& rng);

}  // namespace fsfm
