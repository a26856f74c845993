#include "doctor/near_duplicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include "media/resize.h"

namespace fsfm {
namespace {

constexpr int kBlocks = 4, kBlockBits = 16;

int grey(const uint8_t* rgb) { return (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000; }

float correlation_of(const Fingerprint& a, const Fingerprint& b) {
  constexpr double n = Fingerprint::kSide * Fingerprint::kSide;
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (size_t i = 0; i < a.thumbnail.size(); ++i) {
    const double x = a.thumbnail[i], y = b.thumbnail[i];
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  const double va = saa - sa * sa / n, vb = sbb - sb * sb / n;
  if (va < n || vb < n) return va < n && vb < n ? 1.0f : 0.0f;  // flat pictures: alike only to one another
  return static_cast<float>((sab - sa * sb / n) / std::sqrt(va * vb));
}

uint16_t block_of(uint64_t hash, int block) { return static_cast<uint16_t>(hash >> (block * kBlockBits)); }

}  // namespace

Fingerprint fingerprint(const Image& image) {
  Fingerprint print;
  const Image cells = resize(image, 9, 8, Kernel::bilinear);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x)
      if (grey(cells.row(y) + 3 * x) < grey(cells.row(y) + 3 * (x + 1))) print.hash |= uint64_t{1} << (y * 8 + x);
  const Image small = resize(image, Fingerprint::kSide, Fingerprint::kSide, Kernel::bilinear);
  for (size_t i = 0; i < print.thumbnail.size(); ++i)
    print.thumbnail[i] = static_cast<uint8_t>(grey(small.rgb.data() + 3 * i));
  return print;
}

std::vector<NearPair> near_pairs(const std::vector<Fingerprint>& prints,
                                 const std::function<bool(size_t, size_t)>& wanted, int bits, float correlation,
                                 size_t limit) {
  // Hashes at most 7 bits apart agree in one of four 16-bit blocks up to a single bit (pigeonhole): probing each block
  // and its 16 neighbours finds them all.
  std::array<std::unordered_map<uint16_t, std::vector<uint32_t>>, kBlocks> tables;
  std::vector<NearPair> pairs;
  std::vector<uint32_t> seen(prints.size(), UINT32_MAX);  // last sample that looked at this one
  for (size_t i = 0; i < prints.size() && pairs.size() < limit; ++i) {
    const auto look = [&](int block, uint16_t key) {
      const auto bucket = tables[static_cast<size_t>(block)].find(key);
      if (bucket == tables[static_cast<size_t>(block)].end()) return;
      for (const uint32_t other : bucket->second) {
        if (seen[other] == i) continue;
        seen[other] = static_cast<uint32_t>(i);
        const int distance = std::popcount(prints[i].hash ^ prints[other].hash);
        if (distance > bits || !wanted(other, i)) continue;
        const float c = correlation_of(prints[i], prints[other]);
        if (c >= correlation && pairs.size() < limit) pairs.push_back({other, i, distance, c});
      }
    };
    for (int block = 0; block < kBlocks; ++block) {
      const uint16_t key = block_of(prints[i].hash, block);
      look(block, key);
      for (int bit = 0; bit < kBlockBits; ++bit) look(block, static_cast<uint16_t>(key ^ (1u << bit)));
    }
    for (int block = 0; block < kBlocks; ++block)
      tables[static_cast<size_t>(block)][block_of(prints[i].hash, block)].push_back(static_cast<uint32_t>(i));
  }
  return pairs;
}

}  // namespace fsfm
