#include "face/reconstruct.h"

#include <cmath>
#include <vector>

#include "base/error.h"
#include "model/fsfm_layout.h"

namespace fsfm {
namespace {

constexpr double kEps = 1e-6;  // method.md section 3

// Mean and deviation (of a sample, as the loss takes it) of a patch.
struct Spread {
  double mean = 0, deviation = 0;

  explicit Spread(std::span<const float> values) {
    const auto count = static_cast<double>(values.size());
    for (const float value : values) mean += value / count;
    double squares = 0;
    for (const float value : values) squares += (value - mean) * (value - mean);
    deviation = std::sqrt(squares / (count - 1) + kEps);
  }
};

}  // namespace

FaceReconstructor::FaceReconstructor(const ModelFile& model, int threads)
    : engine_(model, threads),
      normalization_{model.card().mean, model.card().std},
      normalized_patches_(predicts_normalised_patches(model.card())) {}

Image FaceReconstructor::paint(const Image& face, std::span<const uint8_t> masked) {
  const int s = side(), p = patch(), grid = s / p;
  if (face.width != s || face.height != s) throw Error("the network paints faces of " + std::to_string(s) + " pixels");
  std::vector<float> pixels(static_cast<size_t>(3) * s * s);  // [3, S, S]
  normalize_to_chw(face, normalization_, pixels);
  const std::vector<float> predicted = engine_.predict(pixels, masked);
  const size_t values = static_cast<size_t>(3) * p * p;
  // Where value i (row, column, colour) of a patch lies.
  const auto at = [&](int patch, size_t i) {
    const size_t y = static_cast<size_t>(patch / grid * p) + i / 3 / static_cast<size_t>(p);
    const size_t x = static_cast<size_t>(patch % grid * p) + i / 3 % static_cast<size_t>(p);
    return (i % 3 * static_cast<size_t>(s) + y) * static_cast<size_t>(s) + x;
  };
  std::vector<float> truth(values);
  for (int patch = 0; patch < grid * grid; ++patch) {
    if (masked[static_cast<size_t>(patch)] == 0) continue;
    for (size_t i = 0; i < values; ++i) truth[i] = pixels[at(patch, i)];
    const Spread spread(truth);
    for (size_t i = 0; i < values; ++i) {
      const float value = predicted[static_cast<size_t>(patch) * values + i];
      pixels[at(patch, i)] = normalized_patches_ ? static_cast<float>(value * spread.deviation + spread.mean) : value;
    }
  }
  return denormalize_from_chw(pixels, s, s, normalization_);
}

}  // namespace fsfm
