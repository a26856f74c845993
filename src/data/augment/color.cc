#include "data/augment/color.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fsfm {
namespace {

uint8_t clip(double value) { return static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)); }

// Pillow's L: ITU-R 601-2 luma in 16-bit fixed point.
int luma(const uint8_t* rgb) { return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16; }

using Table = std::array<uint8_t, 256>;

template <class Entry>
Table make_table(Entry&& entry) {
  Table table;
  for (int i = 0; i < 256; ++i) table[static_cast<size_t>(i)] = clip(entry(i));
  return table;
}

void apply_table(Image& image, const Table& table) {
  for (uint8_t& value : image.rgb) value = table[value];
}

// Rewrites each channel through a table made from its own histogram.
template <class MakeTable>
void apply_per_channel(Image& image, MakeTable&& make) {
  for (size_t c = 0; c < 3; ++c) {
    std::array<int64_t, 256> histogram{};
    for (size_t i = c; i < image.rgb.size(); i += 3) ++histogram[image.rgb[i]];
    const Table table = make(histogram);
    for (size_t i = c; i < image.rgb.size(); i += 3) image.rgb[i] = table[image.rgb[i]];
  }
}

}  // namespace

void enhance_color(Image& image, double factor) {
  for (size_t i = 0; i < image.rgb.size(); i += 3) {
    const double grey = luma(&image.rgb[i]);
    for (size_t c = 0; c < 3; ++c) image.rgb[i + c] = clip(grey + (image.rgb[i + c] - grey) * factor);
  }
}

void enhance_contrast(Image& image, double factor) {
  double sum = 0;
  for (size_t i = 0; i < image.rgb.size(); i += 3) sum += luma(&image.rgb[i]);
  const double mean = std::floor(sum / std::max<double>(1.0, static_cast<double>(image.rgb.size() / 3)) + 0.5);
  apply_table(image, make_table([&](int v) { return mean + (v - mean) * factor; }));
}

void enhance_brightness(Image& image, double factor) {
  apply_table(image, make_table([&](int v) { return v * factor; }));
}

void enhance_sharpness(Image& image, double factor) {
  // Pillow's SMOOTH: 3 x 3, weight 5 in the middle; the rim stays as it is.
  const Image source = image;
  for (int y = 1; y + 1 < image.height; ++y) {
    for (int k = 3; k < (image.width - 1) * 3; ++k) {
      int sum = 4 * source.row(y)[k];
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -3; dx <= 3; dx += 3) sum += source.row(y + dy)[k + dx];
      const double smooth = std::floor(sum / 13.0 + 0.5);
      image.row(y)[k] = clip(smooth + (source.row(y)[k] - smooth) * factor);
    }
  }
}

void auto_contrast(Image& image) {
  apply_per_channel(image, [](const std::array<int64_t, 256>& histogram) {
    int low = 0, high = 255;
    while (low < 255 && histogram[static_cast<size_t>(low)] == 0) ++low;
    while (high > 0 && histogram[static_cast<size_t>(high)] == 0) --high;
    if (high <= low) return make_table([](int v) { return v; });
    const double scale = 255.0 / (high - low);
    return make_table([&](int v) { return std::floor(v * scale - low * scale); });
  });
}

void equalize(Image& image) {
  apply_per_channel(image, [](const std::array<int64_t, 256>& histogram) {
    int64_t total = 0, last = 0, used = 0;
    for (const int64_t count : histogram) {
      if (count == 0) continue;
      total += count;
      last = count;
      ++used;
    }
    const int64_t step = (total - last) / 255;
    if (used <= 1 || step == 0) return make_table([](int v) { return v; });
    int64_t running = step / 2;
    return make_table([&](int v) {
      const auto entry = static_cast<double>(running / step);
      running += histogram[static_cast<size_t>(v)];
      return entry;
    });
  });
}

void invert(Image& image) {
  apply_table(image, make_table([](int v) { return 255 - v; }));
}

void posterize(Image& image, int bits) {
  const int mask = bits >= 8 ? 0xff : ~((1 << (8 - bits)) - 1) & 0xff;
  apply_table(image, make_table([&](int v) { return v & mask; }));
}

void solarize(Image& image, int threshold) {
  apply_table(image, make_table([&](int v) { return v < threshold ? v : 255 - v; }));
}

void solarize_add(Image& image, int amount) {
  apply_table(image, make_table([&](int v) { return v < 128 ? v + amount : v; }));
}

void scale_saturation(Image& image, double factor) {
  // HSV saturation is (max - min) / max: scaling it moves every channel towards or away from the largest, which stays.
  for (size_t i = 0; i < image.rgb.size(); i += 3) {
    uint8_t* p = &image.rgb[i];
    const double high = std::max({p[0], p[1], p[2]}), low = std::min({p[0], p[1], p[2]});
    if (high == low) continue;
    const double allowed = std::min(factor, high / (high - low));  // saturation ends at 1
    for (int c = 0; c < 3; ++c) p[c] = clip(high - (high - p[c]) * allowed + 0.5);
  }
}

}  // namespace fsfm
