#include "data/statistics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "media/resize.h"

namespace fsfm {

void PixelSums::add(const Image& image) {
  std::array<uint64_t, 3> s{}, q{};  // locals: the compiler keeps them in registers
  for (size_t i = 0; i + 2 < image.rgb.size(); i += 3) {
    for (size_t c = 0; c < 3; ++c) {
      const uint32_t v = image.rgb[i + c];
      s[c] += v;
      q[c] += v * v;
    }
  }
  pixels += image.rgb.size() / 3;
  for (size_t c = 0; c < 3; ++c) {
    sum[c] += s[c];
    squares[c] += q[c];
  }
}

void PixelSums::add(const PixelSums& other) {
  pixels += other.pixels;
  for (size_t c = 0; c < 3; ++c) {
    sum[c] += other.sum[c];
    squares[c] += other.squares[c];
  }
}

Normalization PixelSums::normalization() const {
  if (pixels == 0) throw Error("mean and deviation of no pictures", "add pictures first");
  Normalization norm;
  for (size_t c = 0; c < 3; ++c) {
    const double n = static_cast<double>(pixels), mean = static_cast<double>(sum[c]) / n;
    const double variance = std::max(0.0, static_cast<double>(squares[c]) / n - mean * mean);
    norm.mean[c] = static_cast<float>(mean / 255);
    norm.std[c] = variance > 0 ? static_cast<float>(std::sqrt(variance) / 255) : 1.0f;
  }
  return norm;
}

PixelSums sums_at_network_size(const Image& image) {
  PixelSums sums;
  sums.add(image.width == kParsingSide && image.height == kParsingSide ? image
                                                                       : resize(image, kParsingSide, kParsingSide));
  return sums;
}

Normalization dataset_normalization(const Dataset& dataset, size_t max_samples, int threads,
                                    UnreadableSamples* unreadable) {
  std::vector<size_t> indices(dataset.samples().size());
  std::iota(indices.begin(), indices.end(), size_t{0});
  if (max_samples > 0 && max_samples < indices.size()) {
    Rng(0).shuffle(std::span(indices));
    indices.resize(max_samples);
  }
  std::map<size_t, std::string> failures;  // named in order, whichever thread met them
  std::mutex mutex;
  std::vector<PixelSums> parts(static_cast<size_t>(thread_count(threads)));
  parallel_for(indices.size(), threads, [&](size_t i, int worker) {
    try {
      parts[static_cast<size_t>(worker)].add(sums_at_network_size(read_sample(dataset, indices[i]).image));
    } catch (const UnreadableSample& error) {
      if (!unreadable) throw;
      std::lock_guard lock(mutex);
      failures[indices[i]] = error.what();
    }
  });
  for (const auto& [index, why] : failures) unreadable->add(dataset.samples()[index].key, why);
  PixelSums all;
  for (const auto& part : parts) all.add(part);
  if (all.pixels == 0 && unreadable && unreadable->size() > 0)
    throw Error("no picture of " + dataset.info().name + " can be read: " + unreadable->named(), "check the data");
  return all.normalization();
}

}  // namespace fsfm
