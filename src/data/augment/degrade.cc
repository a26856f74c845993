#include "data/augment/degrade.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "media/codec.h"
#include "media/resize.h"

namespace fsfm {
namespace {

struct Entry {
  Degradation kind;
  std::string_view name;
  std::array<double, kDegradationLevels + 1> values;  // at strength 0 (nothing happens) .. 5
  const char* format;
};

constexpr Entry kEntries[] = {
    {Degradation::jpeg, "jpeg", {95, 85, 65, 45, 30, 15}, "quality %g"},
    {Degradation::downscale, "downscale", {1, 1.5, 2, 3, 4.5, 6}, "1/%g"},
    {Degradation::blur, "blur", {0, 0.5, 1, 1.6, 2.4, 3.5}, "sigma %g"},
    {Degradation::noise, "noise", {0, 3, 6, 12, 20, 32}, "sigma %g"},
    {Degradation::brightness, "brightness", {0, 12, 25, 45, 65, 90}, "+-%g"},
    {Degradation::contrast, "contrast", {1, 0.85, 0.7, 0.55, 0.4, 0.25}, "x%g"},
    {Degradation::denoise, "denoise", {0, 8, 15, 25, 40, 60}, "%g levels"},
    {Degradation::sharpen, "sharpen", {0, 0.4, 0.8, 1.3, 2, 3}, "x%g"},
    {Degradation::moire, "moire", {0, 0.04, 0.08, 0.13, 0.19, 0.26}, "amplitude %g"},
};
constexpr double kTwiceFrom = 3;  // strength from which JPEG is applied twice

const Entry& entry(Degradation kind) {
  for (const Entry& e : kEntries)
    if (e.kind == kind) return e;
  throw InternalError("unknown degradation");
}

double value_at(const Entry& e, double strength) {
  const int low = std::min(static_cast<int>(strength), kDegradationLevels - 1);
  return e.values[low] + (e.values[low + 1] - e.values[low]) * (strength - low);
}

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)); }

// Applies value = map(value) through a table.
template <class Map>
Image mapped(const Image& image, Map&& map) {
  std::array<uint8_t, 256> table;
  for (int v = 0; v < 256; ++v) table[v] = to_byte(map(v));
  Image out = image;
  for (auto& value : out.rgb) value = table[value];
  return out;
}

// Moves the picture by (dx, dy) with its border repeated, so that a second compression meets another block grid.
Image shifted(const Image& image, int dx, int dy) {
  Image out(image.width, image.height);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      std::copy_n(image.row(std::clamp(y + dy, 0, image.height - 1)) + std::clamp(x + dx, 0, image.width - 1) * 3, 3,
                  out.row(y) + x * 3);
  return out;
}

Image through_jpeg(const Image& image, double quality) {
  return decode_image(encode_jpeg(image, static_cast<int>(std::lround(quality))), "a re-encoded picture");
}

Image jpeg_chain(const Image& image, double quality, bool twice) {
  if (!twice) return through_jpeg(image, quality);
  constexpr int kShift = 3;
  // The first pass is the milder one, as when a sharp upload is compressed again by a platform.
  const Image first = through_jpeg(image, std::min(95.0, quality + 20));
  return shifted(through_jpeg(shifted(first, kShift, kShift), quality), -kShift, -kShift);
}

Image downscaled(const Image& image, double factor) {
  const auto side = [factor](int size) { return std::max(1, static_cast<int>(std::lround(size / factor))); };
  return resize(resize(image, side(image.width), side(image.height)), image.width, image.height);
}

// A length in pixels of a 224-pixel picture, in those of this one.
double scaled(double at_224, const Image& image) { return at_224 * std::min(image.width, image.height) / 224.0; }

// A new picture that `filter` fills from `image`; OpenCV sees both where they lie.
template <class Filter>
Image filtered(const Image& image, Filter&& filter) {
  Image out(image.width, image.height);
  const cv::Mat in(image.height, image.width, CV_8UC3, const_cast<uint8_t*>(image.rgb.data()));
  cv::Mat target(out.height, out.width, CV_8UC3, out.rgb.data());
  filter(in, target);
  return out;
}

Image blurred(const Image& image, double sigma_at_224) {
  const double sigma = scaled(sigma_at_224, image);
  if (sigma < 0.05) return image;
  return filtered(image, [sigma](const cv::Mat& in, cv::Mat& out) {
    cv::GaussianBlur(in, out, {}, sigma, sigma, cv::BORDER_REPLICATE);
  });
}

// What phones do to grain, and to skin with it: edges stay, what is fainter than `levels` goes.
Image denoised(const Image& image, double levels) {
  const double reach = std::max(1.0, scaled(2.5, image));
  return filtered(image, [=](const cv::Mat& in, cv::Mat& out) {
    cv::bilateralFilter(in, out, -1, levels, reach, cv::BORDER_REPLICATE);
  });
}

Image sharpened(const Image& image, double amount) {
  const double sigma = std::max(0.5, scaled(1, image));
  return filtered(image, [=](const cv::Mat& in, cv::Mat& out) {
    cv::Mat soft;
    cv::GaussianBlur(in, soft, {}, sigma, sigma, cv::BORDER_REPLICATE);
    cv::addWeighted(in, 1 + amount, soft, -amount, 0, out);
  });
}

Image noisy(const Image& image, double sigma, Rng& rng) {
  Image out = image;
  for (auto& value : out.rgb) value = to_byte(value + sigma * rng.normal());
  return out;
}

Image with_contrast(const Image& image, double gain) {
  double sum = 0;
  for (const uint8_t value : image.rgb) sum += value;
  const double mean = sum / static_cast<double>(image.rgb.size());
  return mapped(image, [=](int v) { return mean + gain * (v - mean); });
}

// A camera before a screen samples the grid of its red, green and blue stripes: slow bands of interference, out of
// phase between the channels, bent a little by the lens.
Image filmed_screen(const Image& image, double amplitude, Rng& rng) {
  const double side = std::min(image.width, image.height);
  const double angle = rng.uniform(0, std::numbers::pi), waves = rng.uniform(14, 34), cross = rng.uniform(0.3, 0.7);
  const double bend = rng.uniform(-0.35, 0.35), phase = rng.uniform(0, 2 * std::numbers::pi);
  const double c = std::cos(angle), s = std::sin(angle);
  Image out = image;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      const double u = (c * x + s * y) / side, v = (c * y - s * x) / side;
      const double along = 2 * std::numbers::pi * waves * (u + bend * v * v) + phase;
      const double across = 2 * std::numbers::pi * waves * 0.6 * (v + bend * u * u);
      for (int channel = 0; channel < 3; ++channel) {
        const double band = std::sin(along + channel * 2 * std::numbers::pi / 3) + cross * std::sin(across - channel);
        uint8_t& value = out.row(y)[x * 3 + channel];
        value = to_byte(value * (1 + amplitude * band));
      }
    }
  return out;
}

}  // namespace

std::span<const Degradation> all_degradations() {
  static constexpr std::array kAll = {Degradation::jpeg,    Degradation::downscale,  Degradation::blur,
                                      Degradation::noise,   Degradation::brightness, Degradation::contrast,
                                      Degradation::denoise, Degradation::sharpen,    Degradation::moire};
  return kAll;
}

std::string_view degradation_name(Degradation kind) { return entry(kind).name; }

Degradation parse_degradation(const std::string& name) {
  std::vector<std::string> names;
  for (const Entry& e : kEntries) {
    if (e.name == name) return e.kind;
    names.emplace_back(e.name);
  }
  throw Error("unknown degradation '" + name + "'", "choose from " + join(names, ", "));
}

std::string describe_strength(Degradation kind, int strength) {
  if (strength == 0) return "none";
  char text[64];
  std::snprintf(text, sizeof text, entry(kind).format, value_at(entry(kind), strength));
  return kind == Degradation::jpeg && strength >= kTwiceFrom ? std::string(text) + " twice" : text;
}

Image degrade(const Image& image, Degradation kind, double strength, Rng& rng) {
  if (!(strength >= 0 && strength <= kDegradationLevels))
    throw Error("degradation strength " + std::to_string(strength) + " is out of range", "use 0 to 5");
  if (strength == 0 || image.empty()) return image;
  const double value = value_at(entry(kind), strength);
  switch (kind) {
    case Degradation::jpeg:
      return jpeg_chain(image, value, strength >= kTwiceFrom);
    case Degradation::downscale:
      return downscaled(image, value);
    case Degradation::blur:
      return blurred(image, value);
    case Degradation::noise:
      return noisy(image, value, rng);
    case Degradation::brightness: {
      const double offset = rng.chance(0.5) ? value : -value;
      return mapped(image, [=](int v) { return v + offset; });
    }
    case Degradation::contrast:
      return with_contrast(image, value);
    case Degradation::denoise:
      return denoised(image, value);
    case Degradation::sharpen:
      return sharpened(image, value);
    case Degradation::moire:
      return filmed_screen(image, value, rng);
  }
  throw InternalError("unknown degradation");
}

Image degrade_randomly(const Image& image, std::span<const Degradation> kinds, double probability, double most,
                       Rng& rng) {
  if (kinds.empty() || !rng.chance(probability)) return image;
  std::vector<Degradation> order(kinds.begin(), kinds.end());
  rng.shuffle(std::span(order));
  order.resize(std::min<size_t>(order.size(), 1 + rng.below(3)));
  Image out = image;
  for (const Degradation kind : order) out = degrade(out, kind, rng.uniform(0, most), rng);
  return out;
}

}  // namespace fsfm
