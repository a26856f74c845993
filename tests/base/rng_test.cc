#include "base/rng.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace fsfm {
namespace {

// The first values of the authors' xoshiro256** from the state {1, 2, 3, 4}.
TEST(Rng, GivesTheReferenceSequence) {
  Rng rng;
  rng.set_state({1, 2, 3, 4});
  for (const uint64_t value :
       {11520ull, 0ull, 1509978240ull, 1215971899390074240ull, 1216172134540287360ull, 607988272756665600ull,
        16172922978634559625ull, 8476171486693032832ull, 10595114339597558777ull, 2904607092377533576ull})
    EXPECT_EQ(rng.next(), value);
}

// splitmix64 from 0, as published with it.
TEST(Rng, IsSeededBySplitmix) {
  EXPECT_EQ(Rng(0).state(),
            (std::array<uint64_t, 4>{0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC}));
  EXPECT_NE(Rng(0).state(), Rng(1).state());
  EXPECT_NE(Rng(0).state(), Rng(0, 1).state());
}

TEST(Rng, DrawsFollowFromTheSequence) {
  Rng words(7, 3), draws(7, 3);
  EXPECT_EQ(draws.uniform(), static_cast<double>(words.next() >> 11) / 9007199254740992.0);
  EXPECT_EQ(draws.below(10), ((words.next() >> 32) * 10) >> 32);
  std::vector<int> order(5), expected(5);
  std::iota(order.begin(), order.end(), 0);
  std::iota(expected.begin(), expected.end(), 0);
  draws.shuffle(std::span(order));
  for (size_t i = 5; i > 1; --i) std::swap(expected[i - 1], expected[((words.next() >> 32) * i) >> 32]);
  EXPECT_EQ(order, expected);
}

TEST(Rng, MomentsAreThoseOfTheDistributions) {
  Rng rng(11);
  constexpr int kDraws = 200'000;
  double sum = 0, squares = 0, beta = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
    beta += rng.beta(0.8, 2.4);
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.01);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
  EXPECT_NEAR(beta / kDraws, 0.25, 0.005);  // a / (a + b)
}

}  // namespace
}  // namespace fsfm
