// Drawing on pictures: boxes, text, contact sheets.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm {

using Color = std::array<uint8_t, 3>;  // RGB

void draw_rect(Image& image, const Rect& rect, Color color, int thickness = 2);
void fill_rect(Image& image, const Rect& rect, Color color, double opacity = 1.0);
// `size` is the cap height in pixels; (x, y) the baseline's left end. Anti-aliased.
void draw_text(Image& image, int x, int y, const std::string& text, Color color, int size = 12);
int text_width(const std::string& text, int size = 12);
void paste(Image& canvas, const Image& tile, int x, int y);

// A grid of equally large tiles with a caption under each and a title above. Tiles are resized to `tile_side`.
struct SheetTile {
  Image image;
  std::string caption;
};
Image contact_sheet(const std::vector<SheetTile>& tiles, int columns, int tile_side, const std::string& title = "");

}  // namespace fsfm
