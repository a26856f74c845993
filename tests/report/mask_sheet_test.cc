#include "report/mask_sheet.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"
#include "support/face_painter.h"

namespace fsfm {
namespace {

MaskSheetFace painted(uint64_t seed, uint64_t index = 0) {
  test::PaintedFace face = test::paint_face(3);
  return draw_masks("painted", face.image, {224, 224, face.parsing}, {.seed = seed}, index);
}

TEST(MaskSheet, DrawsEveryStrategyAndSaysWhatItHides) {
  const MaskSheetFace face = painted(5);
  ASSERT_EQ(face.draws.size(), static_cast<size_t>(kMaskStrategies));
  for (const MaskSheetDraw& draw : face.draws) {
    EXPECT_EQ(std::accumulate(draw.masked.begin(), draw.masked.end(), 0), 147);
    EXPECT_TRUE(describe(draw).starts_with("147 of 196")) << describe(draw);
    const bool names_it = !draw.covered || describe(draw).find(kRegionGroupNames[*draw.covered]) != std::string::npos;
    EXPECT_TRUE(names_it) << describe(draw);
  }
  EXPECT_TRUE(face.draws.back().covered);
}

TEST(MaskSheet, SeedAndFaceDecideTheMasks) {
  EXPECT_EQ(painted(5).draws[0].masked, painted(5).draws[0].masked);
  EXPECT_NE(painted(5).draws[0].masked, painted(6).draws[0].masked);
  EXPECT_NE(painted(5).draws[0].masked, painted(5, 1).draws[0].masked);
}

TEST(MaskSheet, HoldsEveryFace) {
  const Image one = render_mask_sheet("photo.jpg", {painted(1)}, {});
  const Image two = render_mask_sheet("photo.jpg", {painted(1), painted(2, 1)}, {});
  EXPECT_EQ(one.width, two.width);
  EXPECT_GT(two.height, one.height + 800);
  EXPECT_THROW(render_mask_sheet("photo.jpg", {}, {}), Error);
}

}  // namespace
}  // namespace fsfm
