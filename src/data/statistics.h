// Mean and standard deviation of a dataset's pixels, per channel.
#pragma once

#include <array>
#include <cstdint>

#include "data/dataset.h"
#include "data/unreadable.h"

namespace fsfm {

// Exact integer sums over pixels: adding pictures in any order, on any number of threads, gives the same figures.
struct PixelSums {
  uint64_t pixels = 0;
  std::array<uint64_t, 3> sum{}, squares{};  // per channel, of values 0..255

  void add(const Image& image);
  void add(const PixelSums& other);
  // Of pixels in [0,1], over all pixels of all pictures alike. A channel without variation gets std 1 (never a division
  // by zero). Throws Error when nothing was added.
  Normalization normalization() const;
};

// The picture's sums at 224 x 224, the size at which a network sees it.
PixelSums sums_at_network_size(const Image& image);

// Over all samples, or the first of a seeded draw of `max_samples` (0 = all). A picture that cannot be read is left out
// and noted in `unreadable`; without one it is an Error, and so is a dataset of which nothing can be read.
Normalization dataset_normalization(const Dataset& dataset, size_t max_samples = 0, int threads = 0,
                                    UnreadableSamples* unreadable = nullptr);

}  // namespace fsfm
