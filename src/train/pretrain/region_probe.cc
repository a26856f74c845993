#include "train/pretrain/region_probe.h"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "data/regions.h"
#include "data/unreadable.h"
#include "media/resize.h"
#include "model/fsfm_layout.h"
#include "nn/losses.h"
#include "nn/weights.h"

namespace fsfm {
namespace {

constexpr int kViewsPerPass = 64;
constexpr double kPatchEps = 1e-6;  // method.md section 3

// One way of hiding a region of one face.
struct View {
  size_t slot;  // face of the batch
  int face_class;
  std::vector<uint8_t> masked, region;  // [P] hidden; hidden and of the region
};

// Every patch of the class hidden, others at random up to `hidden` in all.
void hide(View& view, const RegionMap& map, int hidden, Rng& rng) {
  const int patches = map.patches();
  std::vector<int> members, others;
  for (int p = 0; p < patches; ++p)
    (map.classes[static_cast<size_t>(p)] >> view.face_class & 1 ? members : others).push_back(p);
  rng.shuffle(std::span(members));
  rng.shuffle(std::span(others));
  view.masked.assign(static_cast<size_t>(patches), 0);
  view.region.assign(static_cast<size_t>(patches), 0);
  int left = hidden;
  for (int p : members) {
    if (left == 0) break;
    view.masked[static_cast<size_t>(p)] = view.region[static_cast<size_t>(p)] = 1;
    --left;
  }
  for (int i = 0; i < left; ++i) view.masked[static_cast<size_t>(others[static_cast<size_t>(i)])] = 1;
}

std::optional<RegionMap> regions_of(const Dataset& dataset, size_t index, const std::function<FaceParser&()>& parser,
                                    const VitConfig& encoder) {
  const int side = encoder.img_size, patch = encoder.patch_size;
  try {
    if (auto stored = stored_regions(dataset, index, std::nullopt, side, patch)) return stored;
  } catch (const UnreadableSample&) {
    if (!parser) throw;  // a damaged map is as good as none
  }
  if (!parser)
    throw Error(dataset.location(index) + " has no parsing map, which the reconstruction probe needs",
                "make the dataset with fsfm prepare (it parses every face), or give --parser shipped");
  ParsingMap map = parser().parse(resize(dataset.load(index).image, kParsingSide, kParsingSide));
  if (!plausible_face(map)) return std::nullopt;
  return regions_of_map(std::move(map.classes), side, patch);
}

// Mean squared error over the region's hidden patches, one value a view.
std::vector<double> errors_of(FsfmOnline& online, torch::Device device, const torch::Tensor& images,
                              std::span<const View> views, const RegionProbeOptions& options) {
  const auto& encoder = online->config.encoder;
  std::vector<uint8_t> masked, region;
  auto faces = torch::empty({static_cast<int64_t>(views.size())}, torch::kInt64);
  for (size_t v = 0; v < views.size(); ++v) {
    masked.insert(masked.end(), views[v].masked.begin(), views[v].masked.end());
    region.insert(region.end(), views[v].region.begin(), views[v].region.end());
    faces.data_ptr<int64_t>()[v] = static_cast<int64_t>(views[v].slot);
  }
  const auto mask =
      MaskIndices::from_masks(masked, region, static_cast<int>(views.size()), encoder.patches()).to(device);
  const auto shown = images.index_select(0, faces.to(device));  // [V,3,S,S]
  const auto patches = patchify(shown, encoder.patch_size);     // [V,P,p*p*3]
  auto truth = patches.gather(1, mask.hidden.unsqueeze(-1).expand({-1, -1, patches.size(2)}));
  if (options.norm_pix)
    truth = (truth - truth.mean(-1, true)) / (truth.var(-1, /*unbiased=*/true, /*keepdim=*/true) + kPatchEps).sqrt();
  PrecisionScope scope(options.precision, device);
  const auto pixels = online->forward(shown, mask, /*with_rep=*/false).pred.to(torch::kFloat);
  const auto error = (pixels - truth).square().mean(-1);  // [V,M]
  const auto mean =
      ((error * mask.region).sum(-1) / mask.region.sum(-1)).to(torch::kCPU).to(torch::kDouble).contiguous();
  return {mean.data_ptr<double>(), mean.data_ptr<double>() + mean.numel()};
}

}  // namespace

FsfmOnline open_online_network(const ModelFile& model) {
  if (!model.tensors().contains("decoder_embed.weight"))
    throw Error(model.path().string() + " holds no network that paints pixels" +
                    (model.card().kind.empty() ? "" : " (it is a " + model.card().kind + " model)"),
                "give the model file that fsfm pretrain wrote, or the online network of a checkpoint");
  FsfmConfig config;
  try {
    config = FsfmConfig::from_json(infer_fsfm_config(model.tensors(), model.card().config));
  } catch (const Error& error) {
    throw error.in(model.path().string());
  }
  FsfmOnline online(config);
  LoadOptions load;
  load.source = model.path().string();
  if (!model.tensors().contains("rep_decoder_embed.weight"))  // painting takes none of these
    load.may_miss = {"rep_decoder", "projector.", "predictor."};
  load_weights(*online, model.tensors(), load);
  online->eval();
  return online;
}

ProbeScores probe_regions(FsfmOnline& online, torch::Device device, const Dataset& dataset,
                          const Normalization& normalization, const RegionProbeOptions& options) {
  const auto& encoder = online->config.encoder;
  const int hidden = static_cast<int>(encoder.patches() * options.ratio);
  if (hidden < 1 || hidden >= encoder.patches())
    throw Error(fmt::format("a mask ratio of {:g} hides {} of {} patches", options.ratio, hidden, encoder.patches()),
                "choose one between 0 and 1");
  torch::NoGradGuard no_grad;
  online->to(device);
  online->eval();
  ProbeScores result;
  for (const auto name : kFaceClassNames) result.columns.push_back({std::string(name), {}});
  result.columns.push_back({"all regions", {}});
  const Transform transform = Transform::parse(whole_view(encoder.img_size));

  const auto use = [&](std::span<const float> values, std::span<const size_t> indices) {
    const size_t first = result.indices.size();
    result.indices.insert(result.indices.end(), indices.begin(), indices.end());
    for (auto& column : result.columns) column.scores.resize(result.indices.size(), metrics::kNaN);
    const auto images = torch::from_blob(const_cast<float*>(values.data()),
                                         {static_cast<int64_t>(indices.size()), 3, encoder.img_size, encoder.img_size})
                            .to(device);
    std::vector<View> views;
    for (size_t slot = 0; slot < indices.size(); ++slot) {
      const auto map = regions_of(dataset, indices[slot], options.parser, encoder);
      if (!map) continue;
      const uint16_t present =
          std::accumulate(map->classes.begin(), map->classes.end(), uint16_t{0}, std::bit_or<uint16_t>());
      for (int c = 0; c < kFaceClasses; ++c) {
        if (!(present >> c & 1)) continue;
        Rng rng(options.seed, 1 + indices[slot] * kFaceClasses + static_cast<size_t>(c));
        for (int draw = 0; draw < options.draws; ++draw) {
          views.push_back({slot, c, {}, {}});
          hide(views.back(), *map, hidden, rng);
        }
      }
    }
    for (size_t start = 0; start < views.size(); start += kViewsPerPass) {
      const auto part =
          std::span<const View>(views).subspan(start, std::min<size_t>(kViewsPerPass, views.size() - start));
      const auto errors = errors_of(online, device, images, part, options);
      for (size_t v = 0; v < part.size(); ++v) {
        double& score = result.columns[static_cast<size_t>(part[v].face_class)].scores[first + part[v].slot];
        score = (std::isfinite(score) ? score : 0) + errors[v] / options.draws;
      }
    }
    for (size_t row = first; row < result.indices.size(); ++row) {
      double sum = 0;
      int count = 0;
      for (int c = 0; c < kFaceClasses; ++c)
        if (const double score = result.columns[static_cast<size_t>(c)].scores[row]; std::isfinite(score)) {
          sum += score;
          ++count;
        }
      if (count > 0) result.columns.back().scores[row] = sum / count;
    }
  };
  result.faces = read_faces(dataset, transform, normalization, options.scoring, use);
  return result;
}

}  // namespace fsfm
