#include "media/jpeg_quality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <vector>

namespace fsfm {
namespace {

constexpr size_t kCells = 64;
using Table = std::array<int, kCells>;

// ISO/IEC 10918-1 table K.1 (luminance). Tables are compared sorted, so that the scan order of the file does not
// matter.
constexpr Table kLuminance = {16, 11, 10, 16, 24,  40,  51,  61,  12, 12, 14, 19, 26,  58,  60,  55,
                              14, 13, 16, 24, 40,  57,  69,  56,  14, 17, 22, 29, 51,  87,  80,  62,
                              18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
                              49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99};

// libjpeg's jpeg_quality_scaling.
Table table_of_quality(int quality) {
  const int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
  Table table;
  std::transform(kLuminance.begin(), kLuminance.end(), table.begin(),
                 [scale](int v) { return std::clamp((v * scale + 50) / 100, 1, 255); });
  return table;
}

int nearest_quality(Table table) {
  std::sort(table.begin(), table.end());
  int best = 0, best_distance = std::numeric_limits<int>::max();
  for (int quality = 1; quality <= 100; ++quality) {
    Table standard = table_of_quality(quality);
    std::sort(standard.begin(), standard.end());
    int distance = 0;
    for (size_t i = 0; i < kCells; ++i) distance += std::abs(table[i] - standard[i]);
    if (distance < best_distance) {
      best = quality;
      best_distance = distance;
    }
  }
  return best;
}

using Block = std::array<float, kCells>;

// The discrete cosine transform of JPEG of the brightness of the 8 x 8 pixels at (left, top).
Block transform_block(const Image& image, int left, int top) {
  static const Block kBasis = [] {
    Block basis;
    for (size_t k = 0; k < 8; ++k)
      for (size_t n = 0; n < 8; ++n)
        basis[k * 8 + n] = static_cast<float>(
            std::sqrt((k > 0 ? 2.0 : 1.0) / 8) *
            std::cos((2.0 * static_cast<double>(n) + 1) * static_cast<double>(k) * std::numbers::pi / 16));
    return basis;
  }();
  Block light, half{}, result{};
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      const uint8_t* p = image.row(top + y) + (left + x) * 3;
      light[static_cast<size_t>(y * 8 + x)] = 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2] - 128;
    }
  for (size_t k = 0; k < 8; ++k)
    for (size_t n = 0; n < 8; ++n)
      for (size_t x = 0; x < 8; ++x) half[k * 8 + x] += kBasis[k * 8 + n] * light[n * 8 + x];
  for (size_t y = 0; y < 8; ++y)
    for (size_t k = 0; k < 8; ++k)
      for (size_t n = 0; n < 8; ++n) result[y * 8 + k] += kBasis[k * 8 + n] * half[y * 8 + n];
  return result;
}

// Mean distance of the coefficients from the multiples of the table, in units of what chance gives (a quarter of a
// step). Coefficients that the table would have made zero say nothing, nor does brightness as such.
double distance_from_grid(const std::vector<Block>& blocks, const Table& table) {
  constexpr size_t kFewest = 200;
  double sum = 0;
  size_t count = 0;
  for (size_t i = 1; i < kCells; ++i) {
    const float step = static_cast<float>(table[i]);
    for (const Block& block : blocks) {
      const float steps = block[i] / step;
      if (std::abs(steps) <= 0.7f) continue;
      sum += std::abs(steps - std::round(steps));
      ++count;
    }
  }
  return count < kFewest ? 1 : 4 * sum / static_cast<double>(count);
}

}  // namespace

int estimate_earlier_jpeg_quality(const Image& image, int last_quality) {
  constexpr int kLowest = 40, kMargin = 4;  // at the last quality and next to it the file's own compression is seen
  constexpr int kMostBlocks = 256;
  constexpr double kClear = 0.75;  // of the median over all qualities; chance stays above 0.9
  const int columns = image.width / 8, rows = image.height / 8;
  const int stride = std::max(1, static_cast<int>(std::sqrt(static_cast<double>(columns) * rows / kMostBlocks)));
  std::vector<Block> blocks;
  for (int y = 0; y < rows; y += stride)
    for (int x = 0; x < columns; x += stride) blocks.push_back(transform_block(image, x * 8, y * 8));

  std::vector<double> distances;
  const int highest = last_quality > 0 ? last_quality - kMargin : 98;
  for (int quality = kLowest; quality <= highest; ++quality)
    distances.push_back(distance_from_grid(blocks, table_of_quality(quality)));
  if (distances.size() < 5) return 0;
  const auto least = std::min_element(distances.begin(), distances.end());
  const double smallest = *least;
  const int quality = kLowest + static_cast<int>(least - distances.begin());
  const auto middle = distances.begin() + static_cast<int64_t>(distances.size() / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return smallest < kClear * *middle ? quality : 0;
}

int estimate_jpeg_quality(std::span<const std::byte> bytes) {
  const auto byte = [&](size_t i) { return std::to_integer<int>(bytes[i]); };
  if (bytes.size() < 4 || byte(0) != 0xFF || byte(1) != 0xD8) return 0;
  for (size_t at = 2; at + 4 <= bytes.size();) {
    if (byte(at) != 0xFF) return 0;
    const int marker = byte(at + 1);
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    const size_t length = static_cast<size_t>(byte(at + 2) << 8 | byte(at + 3)), end = at + 2 + length;
    if (marker == 0xDA || marker == 0xD9 || length < 2 || end > bytes.size()) return 0;
    if (marker == 0xDB) {
      for (size_t p = at + 4; p < end;) {
        const int head = byte(p++);
        const size_t width = head >> 4 ? 2 : 1;
        if (p + kCells * width > end) return 0;
        if ((head & 15) == 0) {
          Table table;
          for (size_t i = 0; i < kCells; ++i)
            table[i] = width == 1 ? byte(p + i) : byte(p + 2 * i) << 8 | byte(p + 2 * i + 1);
          return nearest_quality(table);
        }
        p += kCells * width;
      }
    }
    at = end;
  }
  return 0;
}

}  // namespace fsfm
