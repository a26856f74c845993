#include "data/augment/recapture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "data/augment/degrade.h"
#include "data/augment/scene.h"

namespace fsfm {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

// The rows of dots of one ink, turned by its angle as printers do so that the inks do not cover each other.
struct DotScreen {
  double c, s, phase;
  // -1..1 at a place in dots.
  double at(double x, double y) const {
    return std::sin(kTurn * (c * x + s * y) + phase) * std::sin(kTurn * (c * y - s * x) + phase);
  }
};

Image on_paper(const Image& image, Rng& rng) {
  const double scale = std::min(image.width, image.height) / 224.0;
  const double saturation = rng.uniform(0.4, 1), black = rng.uniform(0.03, 0.25), white = rng.uniform(0.75, 0.98);
  const double dot = scale * rng.uniform(1.8, 4), ink = std::max(0.0, rng.uniform(-0.06, 0.14)),
               grain = rng.uniform(0, 4);
  const double band = rng.uniform(0, 0.03), band_rows = scale * rng.uniform(2.5, 8), band_phase = rng.uniform(0, kTurn);
  const bool gloss = rng.chance(0.3);
  const double gloss_x = rng.uniform(), gloss_y = rng.uniform(), gloss_reach = rng.uniform(0.08, 0.4);
  const double gloss_light = gloss ? rng.uniform(0.05, 0.3) : 0;
  std::array<double, 3> cast;
  std::array<DotScreen, 3> inks;
  for (size_t channel = 0; channel < 3; ++channel) {
    const double angle = std::numbers::pi / 12 * (1 + 2 * static_cast<double>(channel));  // 15, 45, 75 degrees
    cast[channel] = std::exp(0.04 * rng.normal());
    inks[channel] = {std::cos(angle), std::sin(angle), rng.uniform(0, kTurn)};
  }
  Image out = image;
  for (int y = 0; y < image.height; ++y) {
    const double rows = 1 + band * std::sin(kTurn * y / band_rows + band_phase);
    for (int x = 0; x < image.width; ++x) {
      uint8_t* pixel = out.row(y) + 3 * static_cast<ptrdiff_t>(x);
      const double grey = (0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]) / 255;
      const double dx = (x + 0.5) / image.width - gloss_x, dy = (y + 0.5) / image.height - gloss_y;
      const double shine = gloss ? gloss_light * std::exp(-(dx * dx + dy * dy) / (gloss_reach * gloss_reach)) : 0;
      for (size_t channel = 0; channel < 3; ++channel) {
        const double tone = grey + saturation * (pixel[channel] / 255.0 - grey);
        // Dots show where the tone is neither bare paper nor full ink.
        const double dotted = tone + ink * 4 * tone * (1 - tone) * inks[channel].at(x / dot, y / dot);
        const double seen = (black + (white - black) * dotted) * rows * cast[channel] + shine;
        pixel[channel] = static_cast<uint8_t>(std::clamp(255 * seen + grain * rng.normal() + 0.5, 0.0, 255.0));
      }
    }
  }
  light_from_two_sides(out, 0.06, rng);
  return out;
}

}  // namespace

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

Image filmed_from_print(const Image& image, Rng& rng) { return filmed(on_paper(image, rng), rng); }

}  // namespace fsfm
