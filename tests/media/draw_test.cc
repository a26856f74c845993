#include "media/draw.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr Color kRed = {255, 0, 0}, kBlack = {0, 0, 0};

int count_if_pixel(const Image& image, auto&& predicate) {
  int count = 0;
  for (size_t i = 0; i < image.rgb.size(); i += 3) count += predicate(image.rgb[i], image.rgb[i + 1], image.rgb[i + 2]);
  return count;
}

TEST(Draw, RectangleHasAnOutlineAndNoFilling) {
  Image image(20, 20, 255);
  draw_rect(image, {4, 4, 10, 10}, kRed, 2);
  EXPECT_EQ(count_if_pixel(image, [](int, int g, int) { return g == 0; }), 10 * 10 - 6 * 6);
  EXPECT_EQ(image.row(9)[9 * 3 + 1], 255);
}

TEST(Draw, ShapesOutsideThePictureAreCut) {
  Image image(10, 10, 255);
  draw_rect(image, {-100, -100, 500, 500}, kRed);
  fill_rect(image, {8, 8, 50, 50}, kRed, 0.5);
  draw_text(image, -30, 5, "far outside", kBlack, 12);
  draw_text(image, 5, 300, "below", kBlack, 12);
  paste(image, Image(30, 30, 7), -5, -5);
  EXPECT_EQ(image.row(0)[0], 7);
  paste(image, Image(3, 3, 9), 20, 20);
}

TEST(Draw, TextIsAntialiasedAndAsHighAsAsked) {
  Image image(120, 40, 255);
  draw_text(image, 10, 30, "HEF", kBlack, 16);
  int top = 40, bottom = -1;
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 120; ++x)
      if (image.row(y)[x * 3] < 128) {
        top = std::min(top, y);
        bottom = std::max(bottom, y);
      }
  EXPECT_NEAR(bottom - top + 1, 16, 2);
  EXPECT_NEAR(bottom, 30, 2);
  EXPECT_GT(count_if_pixel(image, [](int r, int, int) { return r < 80; }), 40);
  EXPECT_GT(count_if_pixel(image, [](int r, int, int) { return r > 80 && r < 230; }), 20);
  EXPECT_GT(text_width("wider text", 12), text_width("text", 12));
  EXPECT_EQ(text_width("\xC3\xA9", 12), text_width("?", 12));
}

TEST(Draw, ContactSheetHoldsEveryTile) {
  std::vector<SheetTile> tiles(5);
  for (auto& tile : tiles) tile = {Image(30, 30, 100), "a caption far too long for its little tile"};
  const Image sheet = contact_sheet(tiles, 3, 64, "Title");
  EXPECT_EQ(count_if_pixel(sheet, [](int r, int g, int b) { return r == 100 && g == 100 && b == 100; }) / (64 * 64), 5);
  EXPECT_GT(sheet.width, 3 * 64);
  EXPECT_GT(sheet.height, 2 * 64);
  EXPECT_LT(contact_sheet({tiles[0]}, 8, 64).width, 2 * 64);  // no empty columns
  EXPECT_THROW(contact_sheet({}, 3, 64), Error);
}

}  // namespace
}  // namespace fsfm
