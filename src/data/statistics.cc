#include "data/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "media/resize.h"

namespace fsfm {

void PixelStatistics::add(const Image& image) {
  std::array<uint64_t, 3> sum{}, squares{};
  for (size_t i = 0; i + 2 < image.rgb.size(); i += 3) {
    for (size_t c = 0; c < 3; ++c) {
      const uint32_t v = image.rgb[i + c];
      sum[c] += v;
      squares[c] += v * v;
    }
  }
  pixels_ += image.rgb.size() / 3;
  for (size_t c = 0; c < 3; ++c) {
    sum_[c] += sum[c];
    squares_[c] += squares[c];
  }
}

void PixelStatistics::add(const PixelStatistics& other) {
  pixels_ += other.pixels_;
  for (size_t c = 0; c < 3; ++c) {
    sum_[c] += other.sum_[c];
    squares_[c] += other.squares_[c];
  }
}

Normalization PixelStatistics::normalization() const {
  if (pixels_ == 0) throw Error("mean and deviation of no pictures", "add pictures first");
  Normalization norm;
  for (size_t c = 0; c < 3; ++c) {
    const double n = static_cast<double>(pixels_), mean = static_cast<double>(sum_[c]) / n;
    const double variance = std::max(0.0, static_cast<double>(squares_[c]) / n - mean * mean);
    norm.mean[c] = static_cast<float>(mean / 255);
    norm.std[c] = variance > 0 ? static_cast<float>(std::sqrt(variance) / 255) : 1.0f;
  }
  return norm;
}

Normalization dataset_normalization(const Dataset& dataset, size_t max_samples, int threads) {
  std::vector<size_t> indices(dataset.samples().size());
  std::iota(indices.begin(), indices.end(), size_t{0});
  if (max_samples > 0 && max_samples < indices.size()) {
    Rng(0).shuffle(std::span(indices));
    indices.resize(max_samples);
  }
  std::vector<PixelStatistics> parts(static_cast<size_t>(thread_count(threads)));
  parallel_for(indices.size(), threads, [&](size_t i, int worker) {
    const Image image = dataset.load(indices[i]).image;
    const bool as_is = image.width == kParsingSide && image.height == kParsingSide;
    parts[static_cast<size_t>(worker)].add(as_is ? image : resize(image, kParsingSide, kParsingSide));
  });
  PixelStatistics all;
  for (const auto& part : parts) all.add(part);
  return all.normalization();
}

}  // namespace fsfm
