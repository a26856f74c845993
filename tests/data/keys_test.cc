#include "data/keys.h"

#include <gtest/gtest.h>

namespace fsfm {
namespace {

TEST(Keys, AreSafeAndUnique) {
  KeyMaker keys;
  EXPECT_EQ(keys.make("a/b.c"), "a/b_c");
  EXPECT_EQ(keys.make("a/b_c"), "a/b_c-2");
  EXPECT_EQ(keys.make("../../x"), "x");
  EXPECT_EQ(keys.make("A/b.C"), "A/b_C-3");  // one file on a disk that ignores capitals
  EXPECT_EQ(keys.make("///"), "unnamed");
  const std::string longest = keys.make(std::string(300, 'p') + "/" + std::string(300, 'q'));
  EXPECT_LT(longest.size(), 200u);
  EXPECT_NE(longest, keys.make(std::string(300, 'p') + "/" + std::string(299, 'q')));
}

}  // namespace
}  // namespace fsfm
