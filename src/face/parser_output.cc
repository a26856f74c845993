#include "face/parser_output.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace fsfm {
namespace {

// Where a target index reads its source: between `first` and `second`, `weight` of the second.
struct Tap {
  int first, second;
  float weight;
};

std::vector<Tap> bilinear_taps(int from, int to) {
  std::vector<Tap> taps(to);
  const double scale = static_cast<double>(from) / to;
  for (int i = 0; i < to; ++i) {
    const double position = std::max(0.0, (i + 0.5) * scale - 0.5);
    const int first = std::min(static_cast<int>(position), from - 1);
    taps[i] = {first, std::min(first + 1, from - 1), static_cast<float>(position - first)};
  }
  return taps;
}

}  // namespace

ParsingMap map_from_scores(std::span<const float> scores, int classes, int width, int height, int out_width,
                           int out_height, std::span<const uint8_t> mapping) {
  const size_t plane = static_cast<size_t>(width) * height;
  if (scores.size() != plane * classes) throw InternalError("map_from_scores: scores of a wrong size");
  ParsingMap map{out_width, out_height, std::vector<uint8_t>(static_cast<size_t>(out_width) * out_height)};
  const auto columns = bilinear_taps(width, out_width), rows = bilinear_taps(height, out_height);
  std::vector<float> blended(width), best(out_width);
  std::vector<int> winner(out_width);
  for (int y = 0; y < out_height; ++y) {
    for (int c = 0; c < classes; ++c) {
      const float* upper = scores.data() + c * plane + static_cast<size_t>(rows[y].first) * width;
      const float* lower = scores.data() + c * plane + static_cast<size_t>(rows[y].second) * width;
      for (int x = 0; x < width; ++x) blended[x] = upper[x] + (lower[x] - upper[x]) * rows[y].weight;
      for (int x = 0; x < out_width; ++x) {
        const Tap& tap = columns[x];
        const float score = blended[tap.first] + (blended[tap.second] - blended[tap.first]) * tap.weight;
        const bool better = c == 0 || score > best[x];
        best[x] = better ? score : best[x];
        winner[x] = better ? c : winner[x];
      }
    }
    uint8_t* out = map.classes.data() + static_cast<size_t>(y) * out_width;
    for (int x = 0; x < out_width; ++x) out[x] = mapping.empty() ? static_cast<uint8_t>(winner[x]) : mapping[winner[x]];
  }
  return map;
}

}  // namespace fsfm
