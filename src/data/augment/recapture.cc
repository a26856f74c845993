#include "data/augment/recapture.h"

#include "data/augment/degrade.h"

namespace fsfm {

Image filmed(const Image& image, Rng& rng) {
  const double blur = rng.uniform(0, 1.5), noise = rng.uniform(0, 2), jpeg = rng.uniform(0, 2.5);
  const Image sharp = degrade(image, Degradation::blur, blur, rng);
  return degrade(degrade(sharp, Degradation::noise, noise, rng), Degradation::jpeg, jpeg, rng);
}

Image filmed_from_screen(const Image& image, Rng& rng) {
  const double contrast = rng.uniform(0.5, 2), light = rng.uniform(0, 1.5), moire = rng.uniform(1.5, 4);
  const Image shown =
      degrade(degrade(image, Degradation::contrast, contrast, rng), Degradation::brightness, light, rng);
  return filmed(degrade(shown, Degradation::moire, moire, rng), rng);
}

}  // namespace fsfm
