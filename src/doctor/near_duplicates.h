// Pictures that show the same thing: perceptual hashes and the search for near pairs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "media/image.h"

namespace fsfm {

// What a picture looks like from afar: survives recompression and resizing, not another face.
struct Fingerprint {
  static constexpr int kSide = 16;
  uint64_t hash = 0;  // 64-bit difference hash: each cell against its right neighbour, 9 x 8
  std::array<uint8_t, kSide * kSide> thumbnail{};  // grey, 16 x 16
};

Fingerprint fingerprint(const Image& image);

struct NearPair {
  size_t a, b;        // a < b
  int distance;       // differing bits of the hashes
  float correlation;  // of the thumbnails
};

// All pairs with at most `bits` (<= 7) differing bits and thumbnails that correlate at least `correlation`, for which
// `wanted(a, b)` holds; at most `limit`, in order. Cost is near linear for sets without masses of equal pictures.
std::vector<NearPair> near_pairs(const std::vector<Fingerprint>& prints,
                                 const std::function<bool(size_t, size_t)>& wanted, int bits = 6,
                                 float correlation = 0.985f, size_t limit = 100'000);

}  // namespace fsfm
