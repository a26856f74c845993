// What happens to pictures on their way to a detector: compression, shrinking, blur, noise, light, a camera's
// own processing, filmed screens.
// One list serves two ends: the robustness sweep of evaluation, and training augmentation.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "media/image.h"

namespace fsfm {

enum class Degradation { jpeg, downscale, blur, noise, brightness, contrast, denoise, sharpen, moire };

// All of them, in the order above.
std::span<const Degradation> all_degradations();
// "jpeg", "downscale", "blur", "noise", "brightness", "contrast", "denoise", "sharpen", "moire".
std::string_view degradation_name(Degradation kind);
// Throws Error for an unknown name, listing the known.
Degradation parse_degradation(const std::string& name);

// The sweep runs strengths 1..kDegradationLevels; 0 leaves the picture as it is. What a strength means:
//             1     2     3     4     5
// jpeg        85    65    45    30    15    quality; from 3 on compressed twice, shifted by 3 pixels between
// downscale   1.5   2     3     4.5   6     times smaller and back (bicubic)
// blur        .5    1     1.6   2.4   3.5   sigma in pixels of a 224-pixel picture (scales with the side)
// noise       3     6     12    20    32    sigma in grey levels
// brightness  12    25    45    65    90    grey levels up or down (the sign is drawn)
// contrast    .85   .7    .55   .4    .25   gain about the mean
// denoise     8     15    25    40    60    grey levels of skin and grain that a camera's noise reduction smooths away
// sharpen     .4    .8    1.3   2     3     times the difference to a blur of sigma 1, added
// moire       .04   .08   .13   .19   .26   amplitude of the interference bands of a filmed screen
inline constexpr int kDegradationLevels = 5;

// `strength` in [0, 5]; fractions lie between the neighbours. The same seed state gives the same picture.
// Throws Error for a strength outside the range.
Image degrade(const Image& image, Degradation kind, double strength, Rng& rng);
// What `strength` means in words, for tables: "quality 45 twice", "sigma 2.4".
std::string describe_strength(Degradation kind, int strength);

// Training augmentation: with `probability`, one to three of `kinds` in random order, each of strength up to `most`.
Image degrade_randomly(const Image& image, std::span<const Degradation> kinds, double probability, double most,
                       Rng& rng);

}  // namespace fsfm
