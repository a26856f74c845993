// Mean and standard deviation of a dataset's pixels, per channel.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "data/dataset.h"

namespace fsfm {

// Exact integer sums of pixels: adding pictures in any order, on any number of threads, gives the same figures.
class PixelStatistics {
 public:
  void add(const Image& image);
  void add(const PixelStatistics& other);
  uint64_t pixels() const { return pixels_; }
  // Of pixels in [0,1], over all pixels of all pictures alike. A channel without variation gets std 1 (never a division
  // by zero). Throws Error when nothing was added.
  Normalization normalization() const;

 private:
  uint64_t pixels_ = 0;
  std::array<uint64_t, 3> sum_{}, squares_{};
};

// Over all samples, or the first of a seeded draw of `max_samples` (0 = all); pictures count at 224 x 224, as the network
// sees them. Throws Error for a picture that cannot be decoded.
Normalization dataset_normalization(const Dataset& dataset, size_t max_samples = 0, int threads = 0);

}  // namespace fsfm
