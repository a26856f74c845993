#include "report/pretrain_pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <string>
#include <vector>

#include "face/parsing_overlay.h"
#include "media/draw.h"
#include "media/resize.h"

namespace fsfm::report {
namespace {

constexpr int kTileSide = 132, kTileGap = 6, kCaptionHeight = 24;
constexpr int kMaskDraws = 6, kHeadsShown = 6;
constexpr double kBrightest = 0.97;
constexpr Color kCaptionInk = {90, 94, 104}, kHiddenGrey = {206, 208, 212}, kCoveredOrange = {226, 98, 38};

// Rows of equally large tiles under one row of captions.
class TileSheet {
 public:
  TileSheet(const std::vector<std::string>& captions, int rows)
      : canvas_(static_cast<int>(captions.size()) * (kTileSide + kTileGap) + kTileGap,
                kCaptionHeight + rows * (kTileSide + kTileGap) + kTileGap, 255) {
    for (size_t c = 0; c < captions.size(); ++c)
      draw_text(canvas_, left(static_cast<int>(c)) + 2, 17, captions[c], kCaptionInk, 9);
  }
  void put(int row, int column, const Image& tile) {
    paste(canvas_, tile, left(column), kCaptionHeight + kTileGap + row * (kTileSide + kTileGap));
  }
  Image take() { return std::move(canvas_); }

 private:
  static int left(int column) { return kTileGap + column * (kTileSide + kTileGap); }
  Image canvas_;
};

// All faces in one batch; `unreadable` notes those that are left out, and outlives the loader.
Loader example_loader(const Dataset& faces, const PretrainBatchOptions& options, UnreadableSamples& unreadable) {
  const int count = static_cast<int>(faces.samples().size());
  PretrainBatchOptions plain = options;
  plain.augment = false;
  return Loader(faces,
                {.batch_size = count,
                 .workers = 0,
                 .shuffle = false,
                 .drop_last = false,
                 .unreadable = &unreadable,
                 .replace_unreadable = false},
                make_pretrain_filler(plain), make_pretrain_batch(plain, count));
}

// images: [B, 3, side, side]
Image face_tile(std::span<const float> images, int side, int slot, const Normalization& normalization) {
  const size_t values = static_cast<size_t>(3) * side * side;
  return resize(
      denormalize_from_chw(images.subspan(static_cast<size_t>(slot) * values, values), side, side, normalization),
      kTileSide, kTileSide);
}

uint8_t luma_of(const uint8_t* pixel) {
  return static_cast<uint8_t>((77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) >> 8);
}

uint8_t blend(double from, double to, double share) {
  return static_cast<uint8_t>(std::clamp(from + (to - from) * share, 0.0, 255.0));
}

Image masked_tile(const Image& face, const Batch& batch, int slot, int grid) {
  Image out = face;
  const size_t first = static_cast<size_t>(slot) * grid * grid;
  for (int p = 0; p < grid * grid; ++p) {
    if (!batch.masked[first + p]) continue;
    const int column = p % grid, row = p / grid;
    const int x = column * kTileSide / grid, y = row * kTileSide / grid;
    // A pixel between patches keeps the grid legible.
    fill_rect(out, {x, y, (column + 1) * kTileSide / grid - x, (row + 1) * kTileSide / grid - y}, {255, 255, 255}, 0.6);
    fill_rect(out, {x, y, (column + 1) * kTileSide / grid - x - 1, (row + 1) * kTileSide / grid - y - 1},
              batch.region[first + p] ? kCoveredOrange : kHiddenGrey);
  }
  return out;
}

// From night blue over violet and orange to pale yellow: brightness rises all the way, so that it also works in grey.
std::array<double, 3> glow(double value) {
  constexpr std::array<std::array<double, 3>, 5> kStops = {
      {{18, 16, 52}, {96, 28, 118}, {190, 52, 92}, {246, 130, 58}, {253, 240, 172}}};
  const double at = std::clamp(value, 0.0, 1.0) * (kStops.size() - 1);
  const auto low = std::min<size_t>(static_cast<size_t>(at), kStops.size() - 2);
  std::array<double, 3> color;
  for (size_t c = 0; c < 3; ++c)
    color[c] = kStops[low][c] + (kStops[low + 1][c] - kStops[low][c]) * (at - static_cast<double>(low));
  return color;
}

// The face in grey, lit by a map [grid, grid] from its least value up to that which only few patches exceed: networks
// like to park attention in one patch of the background, which would leave all others dark.
Image lit_tile(const Image& face, std::span<const float> map, int grid) {
  std::vector<float> sorted(map.begin(), map.end());
  std::sort(sorted.begin(), sorted.end());
  const float low = sorted.front(),
              high = sorted[static_cast<size_t>(kBrightest * static_cast<double>(map.size() - 1))];
  const float range = std::max(high - low, 1e-12f);
  const cv::Mat small(grid, grid, CV_32F, const_cast<float*>(map.data()));
  cv::Mat light;
  cv::resize(small, light, {kTileSide, kTileSide}, 0, 0, cv::INTER_CUBIC);
  Image out = face;
  for (int p = 0; p < kTileSide * kTileSide; ++p) {
    uint8_t* pixel = out.rgb.data() + 3 * p;
    const double luma = luma_of(pixel);
    const auto color = glow((light.at<float>(p / kTileSide, p % kTileSide) - low) / range);
    for (size_t c = 0; c < 3; ++c) pixel[c] = blend(0.9 * luma, color[c], 0.62);
  }
  return out;
}

}  // namespace

Image mask_examples(const Dataset& faces, const PretrainBatchOptions& options) {
  UnreadableSamples unreadable;
  Loader loader = example_loader(faces, options, unreadable);
  loader.start(0);
  auto batch = loader.next();
  if (!batch) return {};
  const int count = batch->size;
  std::vector<std::optional<std::vector<uint8_t>>> maps;
  for (const size_t index : batch->indices) {
    maps.emplace_back();
    try {
      maps.back() = read_parsing(faces, index);
    } catch (const UnreadableSample&) {
    }
  }
  const bool parsed = std::any_of(maps.begin(), maps.end(), [](const auto& map) { return map.has_value(); });
  std::vector<std::string> captions = {"face"};
  if (parsed) captions.push_back("regions");
  const int first = static_cast<int>(captions.size());
  for (int d = 1; d <= kMaskDraws; ++d) captions.push_back("mask " + std::to_string(d));
  TileSheet sheet(captions, count);
  for (int draw = 0; draw < kMaskDraws; ++draw) {
    if (draw > 0) {
      loader.start(draw);
      batch = loader.next();
      if (!batch || batch->size != count) break;  // a picture went bad just now
    }
    for (int i = 0; i < count; ++i) {
      const Image face = face_tile(batch->images, batch->side, i, options.normalization);
      sheet.put(i, first + draw, masked_tile(face, *batch, i, options.side / options.patch));
      if (draw > 0) continue;
      sheet.put(i, 0, face);
      if (const auto& map = maps[static_cast<size_t>(i)])
        sheet.put(i, 1, parsing_overlay(face, *map, kParsingSide, kParsingSide));
    }
  }
  return sheet.take();
}

ExampleFaces example_faces(const Dataset& faces, const PretrainBatchOptions& options) {
  UnreadableSamples unreadable;
  Loader loader = example_loader(faces, options, unreadable);
  loader.start(0);
  auto batch = loader.next();
  if (!batch) return {};
  return {std::move(batch->images), batch->size, batch->side};
}

Image attention_sheet(const ExampleFaces& faces, const Normalization& normalization, std::span<const float> attention,
                      int heads, int grid) {
  if (faces.count == 0) return {};
  const int shown = heads == 1 ? 0 : std::min(heads, kHeadsShown);
  std::vector<std::string> captions = {"face", "mean of heads"};
  for (int h = 0; h < shown; ++h) captions.push_back("head " + std::to_string(h * heads / shown + 1));
  const size_t patches = static_cast<size_t>(grid) * static_cast<size_t>(grid);
  TileSheet sheet(captions, faces.count);
  for (int i = 0; i < faces.count; ++i) {
    const auto map_of = [&](int head) {
      return attention.subspan(
          (static_cast<size_t>(i) * static_cast<size_t>(heads) + static_cast<size_t>(head)) * patches, patches);
    };
    std::vector<float> mean(patches);
    for (int h = 0; h < heads; ++h)
      for (size_t p = 0; p < patches; ++p) mean[p] += map_of(h)[p] / static_cast<float>(heads);
    const Image face = face_tile(faces.images, faces.side, i, normalization);
    sheet.put(i, 0, face);
    sheet.put(i, 1, lit_tile(face, mean, grid));
    for (int h = 0; h < shown; ++h) sheet.put(i, 2 + h, lit_tile(face, map_of(h * heads / shown), grid));
  }
  return sheet.take();
}

}  // namespace fsfm::report
