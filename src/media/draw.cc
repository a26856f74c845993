#include "media/draw.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "base/error.h"
#include "media/resize.h"

namespace fsfm {
namespace {

// Text is drawn this many times larger and averaged down: OpenCV's stroke font then has smooth strokes of any width.
constexpr int kOversample = 4;
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kCapHeight = 21.0;  // of the font at scale 1, in pixels

struct TextLayout {
  double scale;
  int thickness, width, ascent, descent;  // oversampled pixels
};

TextLayout layout(const std::string& text, int size) {
  TextLayout result{};
  result.scale = size * kOversample / kCapHeight;
  result.thickness = std::max(1, static_cast<int>(std::lround(size * kOversample / 8.5)));
  int baseline = 0;
  const cv::Size box = cv::getTextSize(text, kFont, result.scale, result.thickness, &baseline);
  result.width = box.width;
  result.ascent = box.height + result.thickness;
  result.descent = baseline + result.thickness;
  return result;
}

// The font has ASCII only; anything else becomes one '?' a character.
std::string printable(const std::string& text) {
  std::string out;
  for (const unsigned char c : text) {
    if (c >= 0x80 && c < 0xC0) continue;  // the tail of a UTF-8 character
    out += c < 0x20 || c >= 0x7F ? '?' : static_cast<char>(c);
  }
  return out;
}

void blend(uint8_t* pixel, Color color, double opacity) {
  for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>(std::lround(pixel[c] + (color[c] - pixel[c]) * opacity));
}

// The longest beginning of `text` that fits, with dots at its end when something was cut.
std::string fitted(const std::string& text, int width, int size) {
  if (text_width(text, size) <= width) return text;
  std::string cut = text;
  while (!cut.empty() && text_width(cut + "..", size) > width) cut.pop_back();
  return cut.empty() ? cut : cut + "..";
}

}  // namespace

void fill_rect(Image& image, const Rect& rect, Color color, double opacity) {
  const int left = std::max(rect.left, 0), right = std::min(rect.right(), image.width);
  const int top = std::max(rect.top, 0), bottom = std::min(rect.bottom(), image.height);
  opacity = std::clamp(opacity, 0.0, 1.0);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) blend(image.row(y) + x * 3, color, opacity);
}

void draw_rect(Image& image, const Rect& rect, Color color, int thickness) {
  const int t = std::clamp(thickness, 1, std::max(1, std::min(rect.width, rect.height) / 2));
  fill_rect(image, {rect.left, rect.top, rect.width, t}, color);
  fill_rect(image, {rect.left, rect.bottom() - t, rect.width, t}, color);
  fill_rect(image, {rect.left, rect.top + t, t, rect.height - 2 * t}, color);
  fill_rect(image, {rect.right() - t, rect.top + t, t, rect.height - 2 * t}, color);
}

int text_width(const std::string& text, int size) {
  return (layout(printable(text), size).width + kOversample - 1) / kOversample;
}

void draw_text(Image& image, int x, int y, const std::string& text, Color color, int size) {
  const std::string shown = printable(text);
  if (shown.empty() || size < 1) return;
  const TextLayout box = layout(shown, size);
  // Whole output pixels around the text; (margin, ascent) is the baseline's start inside the mask.
  const int margin = kOversample, ascent = (box.ascent + kOversample - 1) / kOversample;
  const int columns = box.width / kOversample + 3, rows = ascent + box.descent / kOversample + 1;
  cv::Mat1b mask = cv::Mat1b::zeros(rows * kOversample, columns * kOversample);
  cv::putText(mask, shown, {margin, ascent * kOversample}, kFont, box.scale, cv::Scalar(255), box.thickness,
              cv::LINE_AA);
  cv::Mat1b coverage;
  cv::resize(mask, coverage, {columns, rows}, 0, 0, cv::INTER_AREA);
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      const int px = x - 1 + column, py = y - ascent + row;
      if (px < 0 || py < 0 || px >= image.width || py >= image.height || coverage(row, column) == 0) continue;
      blend(image.row(py) + px * 3, color, coverage(row, column) / 255.0);
    }
}

void paste(Image& canvas, const Image& tile, int x, int y) {
  const int left = std::max(x, 0), right = std::min(x + tile.width, canvas.width);
  if (left >= right) return;
  for (int row = std::max(y, 0); row < std::min(y + tile.height, canvas.height); ++row)
    std::copy_n(tile.row(row - y) + (left - x) * 3, static_cast<size_t>(right - left) * 3, canvas.row(row) + left * 3);
}

Image contact_sheet(const std::vector<SheetTile>& tiles, int columns, int tile_side, const std::string& title) {
  if (tiles.empty()) throw Error("a contact sheet needs at least one picture");
  if (columns < 1 || tile_side < 8)
    throw Error("a contact sheet needs at least one column and tiles of at least 8 pixels");
  constexpr Color kInk = {34, 34, 34};
  const int count = static_cast<int>(tiles.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  const int gap = std::max(6, tile_side / 20), size = std::clamp(tile_side / 16, 8, 16), title_size = size * 3 / 2;
  const bool captions =
      std::any_of(tiles.begin(), tiles.end(), [](const SheetTile& tile) { return !tile.caption.empty(); });
  const int caption_height = captions ? size * 2 : 0, title_height = title.empty() ? 0 : title_size * 2 + gap / 2;
  const int64_t height = gap + title_height + static_cast<int64_t>(rows) * (tile_side + caption_height + gap);
  if (height > 65'000)
    throw Error("a contact sheet of " + std::to_string(count) + " tiles is too tall",
                "use more columns or fewer tiles");
  Image sheet(gap + columns * (tile_side + gap), static_cast<int>(height), 255);
  draw_text(sheet, gap, gap + title_size + title_size / 4, fitted(title, sheet.width - 2 * gap, title_size), kInk,
            title_size);
  for (int i = 0; i < count; ++i) {
    const int x = gap + i % columns * (tile_side + gap);
    const int y = gap + title_height + i / columns * (tile_side + caption_height + gap);
    if (!tiles[i].image.empty()) paste(sheet, resize(tiles[i].image, tile_side, tile_side), x, y);
    const std::string caption = fitted(tiles[i].caption, tile_side, size);
    draw_text(sheet, x + (tile_side - text_width(caption, size)) / 2, y + tile_side + size * 3 / 2, caption, kInk,
              size);
  }
  return sheet;
}

}  // namespace fsfm
