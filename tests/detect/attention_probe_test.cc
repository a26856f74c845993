#include "detect/attention_probe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace fsfm {
namespace {

// Two patches a side of 16 pixels, two heads, one layer.
const VitConfig kLayout{.img_size = 32, .patch_size = 16, .embed_dim = 8, .depth = 1, .num_heads = 2};
constexpr size_t kTokens = 5;

// Attention of each head from patch q to patch k; a tenth of everything goes to the class token.
std::vector<float> attention(const std::function<double(int head, int q, int k)>& share) {
  std::vector<float> weights(2 * kTokens * kTokens);
  for (size_t h = 0; h < 2; ++h)
    for (size_t q = 0; q < kTokens; ++q)
      for (size_t k = 0; k < kTokens; ++k)
        weights[(h * kTokens + q) * kTokens + k] =
            k == 0 ? 0.1f
                   : static_cast<float>(
                         q == 0 ? 0.225
                                : 0.9 * share(static_cast<int>(h), static_cast<int>(q) - 1, static_cast<int>(k) - 1));
  return weights;
}

AttentionLayer figures(const std::function<double(int, int, int)>& share) {
  std::vector<AttentionLayer> sums;
  add_attention(attention(share), kLayout, sums);
  return sums.at(0);
}

TEST(AttentionProbe, DistancesAreThoseOfThePatches) {
  const AttentionLayer near_and_far = figures([](int head, int q, int k) {
    if (head == 0) return q == k ? 1.0 : 0.0;
    return q + k == 3 ? 1.0 : 0.0;  // the opposite corner
  });
  EXPECT_NEAR(near_and_far.distances.at(0), 0, 1e-6);
  EXPECT_NEAR(near_and_far.distances.at(1), 16 * std::sqrt(2.0), 1e-4);
  const AttentionLayer everywhere = figures([](int, int, int) { return 0.25; });
  for (const double distance : everywhere.distances) EXPECT_NEAR(distance, (16 + 16 + 16 * std::sqrt(2.0)) / 4, 1e-4);
}

TEST(AttentionProbe, DiversityIsTheDivergenceOfHeads) {
  EXPECT_NEAR(figures([](int, int q, int k) { return q == k ? 0.7 : 0.1; }).diversity, 0, 1e-6);
  // .7 .1 .1 .1 beside .25 everywhere, both ways round.
  const double there = 0.7 * std::log(0.7 / 0.25) + 0.3 * std::log(0.1 / 0.25);
  const double back = 0.25 * std::log(0.25 / 0.7) + 0.75 * std::log(0.25 / 0.1);
  EXPECT_NEAR(figures([](int head, int q, int k) { return head     ? 0.25
                                                          : q == k ? 0.7
                                                                   : 0.1; }).diversity,
              (there + back) / 2, 1e-5);
}

TEST(AttentionProbe, PicturesAddUp) {
  std::vector<AttentionLayer> sums;
  const auto weights = attention([](int, int, int) { return 0.25; });
  add_attention(weights, kLayout, sums);
  const double once = sums[0].distances[1];
  add_attention(weights, kLayout, sums);
  EXPECT_NEAR(sums[0].distances[1], 2 * once, 1e-9);
}

}  // namespace
}  // namespace fsfm
