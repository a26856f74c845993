#include "train/pretrain/page_pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "face/parsing_overlay.h"
#include "media/draw.h"
#include "media/resize.h"
#include "train/pretrain/feature_map.h"

namespace fsfm {
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

Image face_tile(const Batch& batch, int slot, const Normalization& normalization) {
  const size_t values = static_cast<size_t>(3) * batch.side * batch.side;
  return resize(denormalize_from_chw(std::span(batch.images).subspan(static_cast<size_t>(slot) * values, values),
                                     batch.side, batch.side, normalization),
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

// The face in grey, lit by a map [G,G] from its least value up to that which only few patches exceed: networks like to
// park attention in one patch of the background, which would leave all others dark.
Image lit_tile(const Image& face, const torch::Tensor& map) {
  namespace F = torch::nn::functional;
  auto smooth =
      F::interpolate(map.view({1, 1, map.size(0), map.size(1)}), F::InterpolateFuncOptions()
                                                                     .size(std::vector<int64_t>{kTileSide, kTileSide})
                                                                     .mode(torch::kBicubic)
                                                                     .align_corners(false))
          .flatten();
  const auto low = map.min(), high = torch::quantile(map.flatten(), kBrightest);
  smooth = ((smooth - low) / (high - low).clamp_min(1e-12)).contiguous();
  const float* light = smooth.data_ptr<float>();
  Image out = face;
  for (int p = 0; p < kTileSide * kTileSide; ++p) {
    uint8_t* pixel = out.rgb.data() + 3 * p;
    const double luma = luma_of(pixel);
    const auto color = glow(light[p]);
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
      const Image face = face_tile(*batch, i, options.normalization);
      sheet.put(i, first + draw, masked_tile(face, *batch, i, options.side / options.patch));
      if (draw > 0) continue;
      sheet.put(i, 0, face);
      if (const auto& map = maps[static_cast<size_t>(i)])
        sheet.put(i, 1, parsing_overlay(face, *map, kParsingSide, kParsingSide));
    }
  }
  return sheet.take();
}

Image attention_sheet(const FsfmOnline& online, torch::Device device, const Dataset& faces,
                      const PretrainBatchOptions& options) {
  torch::NoGradGuard no_grad;
  UnreadableSamples unreadable;
  Loader loader = example_loader(faces, options, unreadable);
  loader.start(0);
  auto batch = loader.next();
  if (!batch) return {};
  const int count = batch->size;
  const auto images = torch::from_blob(batch->images.data(), {count, 3, batch->side, batch->side}).to(device);
  Vit encoder = frozen_encoder(online, device);
  const auto attention = encoder->class_attention(images).to(torch::kCPU);  // [B,H,L]
  const int grid = encoder->config.grid(), heads = static_cast<int>(attention.size(1));
  const int shown = heads == 1 ? 0 : std::min(heads, kHeadsShown);

  std::vector<std::string> captions = {"face", "mean of heads"};
  for (int h = 0; h < shown; ++h) captions.push_back("head " + std::to_string(h * heads / shown + 1));
  TileSheet sheet(captions, count);
  for (int i = 0; i < count; ++i) {
    const Image face = face_tile(*batch, i, options.normalization);
    sheet.put(i, 0, face);
    sheet.put(i, 1, lit_tile(face, attention[i].mean(0).view({grid, grid})));
    for (int h = 0; h < shown; ++h)
      sheet.put(i, 2 + h, lit_tile(face, attention[i][h * heads / shown].view({grid, grid})));
  }
  return sheet.take();
}

}  // namespace fsfm
