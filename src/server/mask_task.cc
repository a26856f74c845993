#include "server/mask_task.h"

#include <openssl/evp.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "base/error.h"
#include "face/parsing_overlay.h"
#include "masking/masking.h"
#include "media/codec.h"
#include "media/draw.h"
#include "media/preprocess.h"
#include "model/model_file.h"
#include "server/problem.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

constexpr int kSide = 224, kPatch = 16;  // where no network is there to ask

std::string base64_png(const Image& image) {
  const std::vector<std::byte> png = encode_png(image);
  std::string text(4 * ((png.size() + 2) / 3) + 1, '\0');
  const int n = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                  reinterpret_cast<const unsigned char*>(png.data()), static_cast<int>(png.size()));
  text.resize(static_cast<size_t>(n));
  return text;
}

std::optional<RegionGroup> group_of(const std::string& name, MaskStrategy strategy) {
  if (name.empty()) return std::nullopt;
  if (strategy == MaskStrategy::random || strategy == MaskStrategy::fasking_i || strategy == MaskStrategy::frp)
    throw Problem(
        400, "bad-request",
        fmt::format("{} covers no region; leave region out, or take crfr-r or crfr-p", mask_strategy_name(strategy)));
  for (int g = 0; g < kFacialGroups; ++g)
    if (name == kRegionGroupNames[static_cast<size_t>(g)]) return static_cast<RegionGroup>(g);
  std::string names;
  for (int g = 0; g < kFacialGroups; ++g) names += fmt::format(" {}", kRegionGroupNames[static_cast<size_t>(g)]);
  throw Problem(400, "bad-request", "'" + name + "' is no region; take one of" + names);
}

MaskStrategy strategy_of(const json& task) {
  try {
    return parse_mask_strategy(task.at("strategy").get<std::string>());
  } catch (const Error& error) {
    throw Problem(400, "bad-request", error.what());
  }
}

}  // namespace

json draw_mask(const Image& face_crop, FaceParser& parser, FaceReconstructor* painter, const json& task) {
  const MaskStrategy strategy = strategy_of(task);
  const double ratio = task.at("ratio").get<double>();
  const std::optional<RegionGroup> wanted = group_of(task.at("region").get<std::string>(), strategy);

  const int side = painter ? painter->side() : kSide, patch = painter ? painter->patch() : kPatch;
  const Image face = Transform::parse(whole_view(side)).apply(face_crop);
  const ParsingMap parsing = parser.parse(face);
  const RegionMap map = make_region_map(parsing.classes, parsing.width, parsing.height, patch);
  std::vector<std::string> present;
  for (int g = 0; g < kFacialGroups; ++g)
    for (int p = 0; p < map.patches(); ++p)
      if (map.in_group(p, static_cast<RegionGroup>(g))) {
        present.emplace_back(kRegionGroupNames[static_cast<size_t>(g)]);
        break;
      }
  if (wanted && std::find(present.begin(), present.end(), kRegionGroupNames[*wanted]) == present.end())
    throw Problem(422, "no-such-region",
                  fmt::format("the parser sees no {} in this face; take another region", kRegionGroupNames[*wanted]));

  std::vector<uint8_t> masked(static_cast<size_t>(map.patches())), region(masked.size());
  Rng rng(task.at("seed").get<uint64_t>());
  Masker masker(strategy, map.patches(), ratio);
  const auto covered = masker.draw(map, rng, masked, region, wanted);
  Image hidden = face;
  for (int p = 0; p < map.patches(); ++p)
    if (masked[static_cast<size_t>(p)])
      fill_rect(hidden, {p % map.grid_width * patch, p / map.grid_width * patch, patch, patch}, {128, 128, 128});
  const auto region_patches = std::count(region.begin(), region.end(), 1);
  const std::string sentence =
      covered ? fmt::format("{} of {} patches are hidden: all {} that show the {}, the others drawn by the strategy.",
                            masker.masked_count(), map.patches(), region_patches, kRegionGroupNames[*covered])
              : fmt::format("{} of {} patches are hidden; no region is covered whole.", masker.masked_count(),
                            map.patches());
  return {{"grid", {map.grid_width, map.grid_height}},
          {"masked", masked},
          {"region", region},
          {"covered", covered ? json(kRegionGroupNames[*covered]) : json()},
          {"present", present},
          {"plausible_face", plausible_face(parsing)},
          {"sentence", sentence},
          {"face_png", base64_png(face)},
          {"parsing_png", base64_png(parsing_overlay(face, parsing.classes, parsing.width, parsing.height))},
          {"masked_png", base64_png(hidden)},
          {"reconstruction",
           painter && masker.masked_count() < map.patches() ? json(base64_png(painter->paint(face, masked))) : json()}};
}

}  // namespace fsfm::server
