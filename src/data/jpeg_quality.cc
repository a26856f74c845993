#include "data/jpeg_quality.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

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
  std::sort(table.begin(), table.end());
  return table;
}

int nearest_quality(Table table) {
  std::sort(table.begin(), table.end());
  int best = 0, best_distance = std::numeric_limits<int>::max();
  for (int quality = 1; quality <= 100; ++quality) {
    const Table standard = table_of_quality(quality);
    int distance = 0;
    for (size_t i = 0; i < kCells; ++i) distance += std::abs(table[i] - standard[i]);
    if (distance < best_distance) {
      best = quality;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

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
