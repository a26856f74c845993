#include "detect/explain.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "base/text.h"
#include "masking/masking.h"
#include "media/resize.h"

namespace fsfm {
namespace {

constexpr int kBatch = 8;
constexpr int kWindow = 4;  // patches a side; chosen by fsfm bench explain

// Odds of the picture with each of `masks` hidden, [masks].
std::vector<double> odds_without(std::span<const float> image, const std::vector<std::vector<uint8_t>>& masks,
                                 const HidePatches& hide, const AttackOdds& odds) {
  std::vector<double> all;
  std::vector<float> batch;
  for (size_t start = 0; start < masks.size(); start += kBatch) {
    const size_t n = std::min<size_t>(kBatch, masks.size() - start);
    batch.clear();
    for (size_t i = 0; i < n; ++i) {
      const std::vector<float> hidden = hide(image, masks[start + i]);
      batch.insert(batch.end(), hidden.begin(), hidden.end());
    }
    const std::vector<double> part = odds(batch, static_cast<int>(n));
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

const char* words_for(RegionGroup region) {
  switch (region) {
    case kBrows:
      return "the eyebrows speak";
    case kEyes:
      return "the eyes speak";
    case kNoseGroup:
      return "the nose speaks";
    case kMouth:
      return "the mouth speaks";
    case kBoundary:
      return "the outline of the face speaks";
    case kHairGroup:
      return "the hair speaks";
    case kSkinGroup:
      return "the skin speaks";
    default:
      return "the background speaks";
  }
}

std::string sentence_for(const std::vector<RegionEffect>& regions) {
  constexpr double kNotable = 0.1;  // log odds
  const auto strongest = std::max_element(regions.begin(), regions.end(), [](const auto& a, const auto& b) {
    return std::fabs(a.effect) < std::fabs(b.effect);
  });
  if (strongest == regions.end() || std::fabs(strongest->effect) < kNotable)
    return "no single part of the face decides the score";
  return fmt::format("{} most {} a forgery", words_for(strongest->region), strongest->effect > 0 ? "for" : "against");
}

}  // namespace

std::vector<double> attack_odds(std::span<const float> logits, std::span<const uint8_t> is_attack, double temperature) {
  const size_t classes = is_attack.size();
  std::vector<double> odds(logits.size() / classes);
  for (size_t i = 0; i < odds.size(); ++i) {
    const auto row = logits.subspan(i * classes, classes);
    const double highest = *std::max_element(row.begin(), row.end());
    double attack = 0, real = 0;
    for (size_t c = 0; c < classes; ++c) (is_attack[c] ? attack : real) += std::exp((row[c] - highest) / temperature);
    odds[i] = std::log(std::max(attack, 1e-30)) - std::log(std::max(real, 1e-30));
  }
  return odds;
}

HidePatches mirrored_patches(int side) {
  return [side](std::span<const float> image, std::span<const uint8_t> hidden) {
    const int grid = static_cast<int>(std::lround(std::sqrt(static_cast<double>(hidden.size()))));
    const int patch = side / grid;
    std::vector<float> out(image.begin(), image.end());
    for (int p = 0; p < grid * grid; ++p) {
      if (!hidden[static_cast<size_t>(p)]) continue;
      const int left = p % grid * patch;
      for (int c = 0; c < 3; ++c)
        for (int y = p / grid * patch; y < (p / grid + 1) * patch; ++y) {
          const size_t row = (static_cast<size_t>(c) * side + y) * side;
          std::reverse_copy(image.begin() + static_cast<std::ptrdiff_t>(row + side - left - patch),
                            image.begin() + static_cast<std::ptrdiff_t>(row + side - left),
                            out.begin() + static_cast<std::ptrdiff_t>(row + left));
        }
    }
    return out;
  };
}

std::vector<float> occlusion_map(std::span<const float> image, int grid, int window, const HidePatches& hide,
                                 const AttackOdds& odds) {
  std::vector<int> places;
  for (int at = 0; at < grid - window; at += std::max(1, window / 2)) places.push_back(at);
  places.push_back(grid - window);
  std::vector<std::vector<uint8_t>> masks(1, std::vector<uint8_t>(static_cast<size_t>(grid) * grid));  // nothing hidden
  for (const int y : places)
    for (const int x : places) {
      std::vector<uint8_t> mask(static_cast<size_t>(grid) * grid);
      for (int i = 0; i < window; ++i)
        std::fill_n(mask.begin() + static_cast<std::ptrdiff_t>(y + i) * grid + x, window, uint8_t{1});
      masks.push_back(std::move(mask));
    }
  const std::vector<double> without = odds_without(image, masks, hide, odds);
  std::vector<float> map(static_cast<size_t>(grid) * grid);
  for (size_t p = 0; p < map.size(); ++p) {
    double sum = 0;
    int windows = 0;
    for (size_t m = 1; m < masks.size(); ++m)
      if (masks[m][p]) {
        sum += without[0] - without[m];
        ++windows;
      }
    map[p] = static_cast<float>(sum / windows);
  }
  return map;
}

std::string effects_text(const Explanation& explanation) {
  std::vector<std::string> parts;
  for (const auto& r : explanation.regions)
    parts.push_back(fmt::format("{} {:+.1f}", kRegionGroupNames[r.region],
                                std::round(r.effect * 10) / 10 + 0.0));  // + 0.0: no "-0.0"
  return join(parts, ", ");
}

Image repaint(const Image& view, FaceParser& parser, FaceReconstructor& painter) {
  const Image face = resize(view, painter.side(), painter.side(), Kernel::bicubic);
  const ParsingMap parsed = parser.parse(face);
  const RegionMap regions = make_region_map(parsed.classes, parsed.width, parsed.height, painter.patch());
  std::vector<uint8_t> masked(static_cast<size_t>(regions.patches())), covered(masked.size());
  Rng rng(0);
  Masker(MaskStrategy::crfr_p, regions.patches()).draw(regions, rng, masked, covered);
  return painter.paint(face, masked);
}

Explanation explain(std::span<const float> image, const RegionMap& regions, const HidePatches& hide,
                    const AttackOdds& odds) {
  if (regions.grid_width != regions.grid_height) throw Error("only square pictures are explained");
  Explanation explanation;
  explanation.grid = regions.grid_width;
  explanation.map = occlusion_map(image, explanation.grid, std::min(kWindow, explanation.grid), hide, odds);
  for (int g = 0; g < kRegionGroups; ++g) {
    RegionEffect region{static_cast<RegionGroup>(g)};
    for (int p = 0; p < regions.patches(); ++p)
      if (regions.in_group(p, region.region)) {
        region.patches.push_back(p);
        region.effect += explanation.map[static_cast<size_t>(p)];
      }
    if (region.patches.empty()) continue;
    region.effect /= static_cast<double>(region.patches.size());
    explanation.regions.push_back(std::move(region));
  }
  std::stable_sort(explanation.regions.begin(), explanation.regions.end(),
                   [](const auto& a, const auto& b) { return std::fabs(a.effect) > std::fabs(b.effect); });
  explanation.sentence = sentence_for(explanation.regions);
  return explanation;
}

}  // namespace fsfm
