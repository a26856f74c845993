#include "prepare/ordered.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "base/error.h"

namespace fsfm {
namespace {

TEST(OrderedFor, TakesInOrderAndPassesErrorsOn) {
  std::vector<size_t> taken;
  EXPECT_TRUE(ordered_for(
      100, 4, [](size_t i, int) { return i * i; },
      [&](size_t i, size_t square) {
        EXPECT_EQ(square, i * i);
        taken.push_back(i);
      },
      {}));
  ASSERT_EQ(taken.size(), 100u);
  EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end()));
  EXPECT_THROW(ordered_for(
                   50, 3,
                   [](size_t i, int) {
                     if (i == 20) throw Error("broken");
                     return i;
                   },
                   [](size_t, size_t) {}, {}),
               Error);
  std::atomic<int> asked{0};
  EXPECT_FALSE(ordered_for(
      50, 2, [](size_t i, int) { return i; }, [](size_t, size_t) {}, [&] { return ++asked > 10; }));
}

}  // namespace
}  // namespace fsfm
