// Real faces and, beside each, a fake made of it: a labelled dataset where there are no labels.
#pragma once

#include <cstdint>
#include <memory>

#include "data/dataset.h"

namespace fsfm {

inline constexpr const char* kSelfBlendedClass = "self-blended";

// The samples of `real`, then one self-blended fake (data/augment/self_blend.h) for each that shows enough of a face,
// of the attack class kSelfBlendedClass. A fake depends on `seed` and its place alone: it is the same at every reading.
// A fake's video is that of its face, marked with the class. Throws Error naming the first face without a class map,
// and when no face can be blended.
std::unique_ptr<Dataset> with_self_blends(std::shared_ptr<const Dataset> real, uint64_t seed);

}  // namespace fsfm
