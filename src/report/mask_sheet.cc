#include "report/mask_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "face/parsing_overlay.h"
#include "media/draw.h"
#include "media/resize.h"

namespace fsfm {
namespace {

constexpr int kMapSide = 224;
constexpr int kTile = 336, kGap = 24, kMargin = 36, kColumns = 4;
constexpr int kTitleHeight = 76, kHeadHeight = 40, kCaptionHeight = 62;
constexpr int kSheetWidth = 2 * kMargin + kColumns * kTile + (kColumns - 1) * kGap;
constexpr int kFaceHeight = kHeadHeight + 2 * (kTile + kCaptionHeight) + kGap / 2;

constexpr Color kPaper = {250, 249, 246}, kInk = {32, 36, 46}, kGrey = {112, 118, 130}, kRule = {222, 220, 214};
constexpr Color kHidden = {172, 178, 190}, kCovered = {226, 98, 38};

int count(const std::vector<uint8_t>& mask) { return std::accumulate(mask.begin(), mask.end(), 0); }

void mix(uint8_t* pixel, const Color& color, int percent) {
  for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((pixel[c] * (100 - percent) + color[c] * percent) / 100);
}

// Hidden patches are slate, those of the covered region orange, the visible ones untouched; thin gaps keep the grid
// legible.
Image masked_face(const Image& face, const RegionMap& map, const MaskSheetDraw& draw) {
  Image out = face;
  for (int p = 0; p < map.patches(); ++p) {
    if (!draw.masked[p]) continue;
    const int column = p % map.grid_width, row = p / map.grid_width;
    const int left = column * kTile / map.grid_width, right = (column + 1) * kTile / map.grid_width;
    const int top = row * kTile / map.grid_height, bottom = (row + 1) * kTile / map.grid_height;
    for (int y = top; y < bottom; ++y)
      for (int x = left; x < right; ++x) {
        const bool gap = x == left || y == top;
        mix(out.row(y) + 3 * x, draw.region[p] ? kCovered : kHidden, gap ? 70 : draw.region[p] ? 88 : 95);
      }
  }
  return out;
}

void caption(Image& sheet, int x, int y, const std::string& name, const std::string& detail) {
  draw_text(sheet, x, y + 24, name, kInk, 13);
  draw_text(sheet, x, y + 44, detail, kGrey, 9);
}

// Colour, class, and in how many patches it occurs.
void legend(Image& sheet, int x, int y, const RegionMap& map) {
  constexpr int kLine = kTile / (kFaceClasses + 2);
  draw_text(sheet, x, y + 14, "class", kGrey, 9);
  draw_text(sheet, x + kTile - text_width("patches", 9), y + 14, "patches", kGrey, 9);
  for (int c = 0; c < kFaceClasses; ++c) {
    const int top = y + kLine * (c + 1);
    const auto touched =
        std::count_if(map.classes.begin(), map.classes.end(), [c](uint16_t bits) { return bits >> c & 1; });
    fill_rect(sheet, {x, top, 18, 18}, kFaceClassColors[c]);
    draw_text(sheet, x + 30, top + 14, std::string(kFaceClassNames[c]), touched ? kInk : kGrey, 10);
    const std::string number = std::to_string(touched);
    draw_text(sheet, x + kTile - text_width(number, 10), top + 14, number, touched ? kInk : kGrey, 10);
  }
  const int top = y + kLine * (kFaceClasses + 1);
  fill_rect(sheet, {x, top - 3, kTile, 1}, kRule);
  fill_rect(sheet, {x, top + 4, 18, 18}, kHidden);
  draw_text(sheet, x + 30, top + 18, "hidden", kInk, 10);
  fill_rect(sheet, {x + kTile / 2, top + 4, 18, 18}, kCovered);
  draw_text(sheet, x + kTile / 2 + 30, top + 18, "covered whole", kInk, 10);
}

void render_face(Image& sheet, int top, const MaskSheetFace& face, const MaskSheetOptions& options) {
  const auto column = [](int i) { return kMargin + i * (kTile + kGap); };
  draw_text(sheet, kMargin, top + 22, face.title, kInk, 13);
  const Image picture = resize(face.crop, kTile, kTile, Kernel::lanczos);
  const int first = top + kHeadHeight, second = first + kTile + kCaptionHeight;

  paste(sheet, picture, column(0), first);
  caption(sheet, column(0), first + kTile, "face",
          fmt::format("crop of {} x {} pixels", face.crop.width, face.crop.height));
  paste(sheet, parsing_overlay(picture, face.parsing.classes, face.parsing.width, face.parsing.height), column(1),
        first);
  caption(sheet, column(1), first + kTile, "parsing map",
          fmt::format("{} x {} patches of {} x {}", face.regions.grid_width, face.regions.grid_height, options.patch,
                      options.patch));
  legend(sheet, column(2), first, face.regions);

  for (size_t i = 0; i < face.draws.size(); ++i) {
    const int x = column(i == 0 ? 3 : static_cast<int>(i) - 1), y = i == 0 ? first : second;
    paste(sheet, masked_face(picture, face.regions, face.draws[i]), x, y);
    caption(sheet, x, y + kTile, std::string(mask_strategy_name(face.draws[i].strategy)), describe(face.draws[i]));
  }
}

}  // namespace

MaskSheetFace draw_masks(std::string title, Image crop, ParsingMap parsing, const MaskSheetOptions& options,
                         uint64_t index) {
  MaskSheetFace face{std::move(title), std::move(crop), std::move(parsing), {}, {}};
  const std::vector<uint8_t> map =
      resize_nearest(face.parsing.classes, face.parsing.width, face.parsing.height, kMapSide, kMapSide);
  face.regions = make_region_map(map, kMapSide, kMapSide, options.patch);
  const int patches = face.regions.patches();
  for (int s = 0; s < kMaskStrategies; ++s) {
    MaskSheetDraw draw{static_cast<MaskStrategy>(s), {}, std::vector<uint8_t>(patches), std::vector<uint8_t>(patches)};
    Rng rng(options.seed, 1 + index * kMaskStrategies + static_cast<uint64_t>(s));
    draw.covered = Masker(draw.strategy, patches, options.ratio).draw(face.regions, rng, draw.masked, draw.region);
    face.draws.push_back(std::move(draw));
  }
  return face;
}

std::string describe(const MaskSheetDraw& draw) {
  const std::string budget = fmt::format("{} of {}", count(draw.masked), draw.masked.size());
  switch (draw.strategy) {
    case MaskStrategy::random:
      return budget + " uniformly";
    case MaskStrategy::fasking_i:
      return budget + ", facial parts first";
    case MaskStrategy::frp:
      return budget + ", the same share of each region";
    case MaskStrategy::crfr_r:
    case MaskStrategy::crfr_p:
      break;
  }
  if (!draw.covered) return budget + " uniformly: no facial region";
  const char* rest = draw.strategy == MaskStrategy::crfr_r ? "rest uniform" : "rest by region";
  return fmt::format("{}: {} whole ({}), {}", budget, kRegionGroupNames[*draw.covered], count(draw.region), rest);
}

Image render_mask_sheet(const std::string& title, const std::vector<MaskSheetFace>& faces,
                        const MaskSheetOptions& options) {
  if (faces.empty()) throw Error("a sheet of masks needs at least one face");
  Image sheet(kSheetWidth, kTitleHeight + kFaceHeight * static_cast<int>(faces.size()) + kMargin / 2);
  fill_rect(sheet, {0, 0, sheet.width, sheet.height}, kPaper);
  draw_text(sheet, kMargin, 44, title, kInk, 18);
  const std::string seed = fmt::format("seed {}, {:.0f} % hidden", options.seed, 100 * options.ratio);
  draw_text(sheet, kSheetWidth - kMargin - text_width(seed, 11), 44, seed, kGrey, 11);
  int top = kTitleHeight;
  for (const MaskSheetFace& face : faces) {
    fill_rect(sheet, {kMargin, top - 8, kSheetWidth - 2 * kMargin, 1}, kRule);
    render_face(sheet, top, face, options);
    top += kFaceHeight;
  }
  return sheet;
}

}  // namespace fsfm
