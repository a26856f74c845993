#include <gtest/gtest.h>

#include "face/face.h"

namespace fsfm {
namespace {

TEST(CropRect, FollowsThePublishedRule) {
  // side = int(50 * 1.3) = 65, centre (125, 120), left = 125 - 32.
  EXPECT_EQ(crop_rect({100, 100, 50, 40}, 640, 480), (Rect{93, 88, 65, 65}));
  // Clamped at the left and top edge: the side stays.
  EXPECT_EQ(crop_rect({0, 5, 100, 100}, 640, 480), (Rect{0, 0, 130, 130}));
  // Shortened at the right edge, both sides together.
  EXPECT_EQ(crop_rect({590, 100, 40, 40}, 620, 480), (Rect{584, 94, 36, 36}));
  // A box that sticks out at the left: the centre is floored, not truncated.
  EXPECT_EQ(crop_rect({-21, 200, 40, 40}, 640, 480), (Rect{0, 194, 52, 52}));
  EXPECT_EQ(crop_rect({100, 100, 50, 50}, 640, 480, 1.0), (Rect{100, 100, 50, 50}));
}

TEST(CropRect, StaysInsideForAnyBox) {
  for (const Rect& box : {Rect{-500, -500, 100, 100}, Rect{5000, 10, 100, 100}, Rect{2147483000, 0, 600, 600},
                          Rect{-2000000000, -2000000000, 2147483647, 2147483647}, Rect{10, 10, -5, -5}}) {
    const Rect crop = crop_rect(box, 640, 480);
    EXPECT_GE(crop.left, 0);
    EXPECT_GE(crop.top, 0);
    EXPECT_GE(crop.width, 0);
    EXPECT_EQ(crop.width, crop.height);
    EXPECT_LE(crop.right(), 640);
    EXPECT_LE(crop.bottom(), 480);
  }
}

}  // namespace
}  // namespace fsfm
