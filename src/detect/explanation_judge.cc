#include "detect/explanation_judge.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "detect/explain.h"
#include "detect/plant_fault.h"
#include "detect/score_dataset.h"
#include "engine/vit.h"
#include "face/reconstruct.h"
#include "media/preprocess.h"

namespace fsfm {
namespace {

double share_of(double odds) { return 1 / (1 + std::exp(-odds)); }

// A hidden patch shows what `painter` makes of it from the others; where all are hidden, its mirrored place. `painter`
// must outlive the function.
HidePatches painted_patches(int side, const Normalization& normalization, FaceReconstructor& painter) {
  return [side, normalization, &painter, mirrored = mirrored_patches(side)](std::span<const float> image,
                                                                            std::span<const uint8_t> hidden) {
    if (std::count(hidden.begin(), hidden.end(), 0) == 0) return mirrored(image, hidden);
    const Image painted = painter.paint(denormalize_from_chw(image, side, side, normalization), hidden);
    std::vector<float> out(image.size());
    normalize_to_chw(painted, normalization, out);
    return out;
  };
}

// The network with its own head, and with one drawn at random.
class Judge {
 public:
  Judge(const DetectorModel& model, FaceParser& parser, const ExplanationJudgeOptions& options)
      : card_(model.card()),
        is_attack_(attack_mask(card_)),
        engine_(model.engine(options.threads, EnginePrecision::automatic)),
        transform_(Transform::parse(card_.resize)),
        normalization_{card_.mean, card_.std},
        parser_(parser),
        rng_(options.seed),
        window_(options.window) {
    side_ = engine_.image_size();
    grid_ = side_ / engine_.layout().patch_size;
    if (options.foundation.empty()) {
      hide_ = mirrored_patches(side_);
    } else {
      painter_.emplace(ModelFile::open(options.foundation), options.threads);
      hide_ = painted_patches(side_, normalization_, *painter_);
    }
  }

  Image view(const Image& crop) const { return transform_.apply(crop); }
  std::vector<float> input(const Image& view) const {
    std::vector<float> chw(static_cast<size_t>(3) * side_ * side_);
    normalize_to_chw(view, normalization_, chw);
    return chw;
  }
  ParsingMap parse(const Image& view) { return parser_.parse(view); }
  RegionMap regions(const ParsingMap& parsed) const {
    return make_region_map(parsed.classes, parsed.width, parsed.height, engine_.layout().patch_size);
  }

  AttackOdds own() {
    return [this](std::span<const float> images, int batch) {
      return attack_odds(engine_.logits(images, batch), is_attack_, card_.temperature);
    };
  }
  AttackOdds random_head() {
    return [this](std::span<const float> images, int batch) {
      const std::vector<float> features = engine_.features(images, batch);
      const size_t width = features.size() / static_cast<size_t>(batch);
      while (head_.size() < width) head_.push_back(rng_.normal());
      std::vector<double> odds(static_cast<size_t>(batch));
      for (size_t i = 0; i < odds.size(); ++i)
        odds[i] = std::inner_product(head_.begin(), head_.end(),
                                     features.begin() + static_cast<std::ptrdiff_t>(i * width), 0.0);
      return odds;
    };
  }
  double odds(std::span<const float> image) { return own()(image, 1)[0]; }

  std::vector<float> map(std::span<const float> image, const AttackOdds& by) {
    return occlusion_map(image, grid_, std::min(window_, grid_), hide_, by);
  }
  std::vector<float> random_map() {
    std::vector<float> map(static_cast<size_t>(grid_) * grid_);
    for (float& value : map) value = static_cast<float>(rng_.uniform());
    return map;
  }

  // {deletion, insertion} of one face by the order of `map`.
  std::pair<double, double> hide(std::span<const float> image, const std::vector<float>& map) {
    constexpr int kSteps = 14;
    const size_t patches = map.size();
    std::vector<size_t> order(patches);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return map[a] > map[b]; });
    double deletion = 0, insertion = 0;
    std::vector<float> batch;
    for (int step = 0; step <= kSteps; ++step) {
      std::vector<uint8_t> taken(patches), left(patches, 1);
      for (size_t i = 0; i < patches * static_cast<size_t>(step) / kSteps; ++i) {
        taken[order[i]] = 1;
        left[order[i]] = 0;
      }
      const std::vector<float> a = hide_(image, taken), b = hide_(image, left);
      batch.assign(a.begin(), a.end());
      batch.insert(batch.end(), b.begin(), b.end());
      const std::vector<double> both = own()(batch, 2);
      deletion += share_of(both[0]) / (kSteps + 1);
      insertion += share_of(both[1]) / (kSteps + 1);
    }
    return {deletion, insertion};
  }

  Rng& rng() { return rng_; }
  int grid() const { return grid_; }
  const HidePatches& hiding() const { return hide_; }

 private:
  ModelCard card_;
  std::vector<uint8_t> is_attack_;
  VitEngine engine_;
  Transform transform_;
  Normalization normalization_;
  FaceParser& parser_;
  Rng rng_;
  int window_, side_ = 0, grid_ = 0;
  std::optional<FaceReconstructor> painter_;
  HidePatches hide_;
  std::vector<double> head_;
};

std::vector<size_t> faces_of_kind(const Dataset& data, ClassKind kind) {
  std::vector<size_t> faces;
  for (size_t i = 0; i < data.samples().size(); ++i)
    if (kind_of_label(data.info(), data.samples()[i].label) == kind) faces.push_back(i);
  if (faces.empty())
    throw Error(data.info().name + " has no " + (kind == ClassKind::real ? "real" : "attack") + " faces",
                "explanations are judged on both kinds");
  return faces;
}

size_t highest(const std::vector<float>& map) {
  return static_cast<size_t>(std::max_element(map.begin(), map.end()) - map.begin());
}

}  // namespace

ExplanationJudgement judge_explanations(const DetectorModel& model, const Dataset& data, FaceParser& parser,
                                        const ExplanationJudgeOptions& options) {
  Judge judge(model, parser, options);
  std::vector<size_t> attacks = faces_of_kind(data, ClassKind::attack), reals = faces_of_kind(data, ClassKind::real);
  judge.rng().shuffle(std::span(attacks));
  judge.rng().shuffle(std::span(reals));
  const auto wanted = static_cast<size_t>(options.faces);
  size_t done = 0;
  const auto step = [&] {
    if (options.progress) options.progress(++done, 2 * wanted);
    return options.stop.stop_requested();
  };

  ExplanationJudgement result;
  result.hiding = {{"explanation"}, {"random map"}, {"random head"}};
  for (const size_t i : attacks) {
    if (static_cast<size_t>(result.attacks) >= wanted) break;
    const std::vector<float> image = judge.input(judge.view(data.load(i).image));
    if (judge.odds(image) <= 0) continue;  // missed: there is no call of "attack" to explain
    ++result.attacks;
    const std::vector<float> maps[] = {judge.map(image, judge.own()), judge.random_map(),
                                       judge.map(image, judge.random_head())};
    for (size_t m = 0; m < result.hiding.size(); ++m) {
      const auto [deletion, insertion] = judge.hide(image, maps[m]);
      result.hiding[m].deletion += deletion;
      result.hiding[m].insertion += insertion;
    }
    if (step()) break;
  }
  for (auto& figures : result.hiding) {
    figures.deletion /= std::max(1, result.attacks);
    figures.insertion /= std::max(1, result.attacks);
  }

  constexpr double kSeen = 0.5;  // log odds
  for (const Fault fault : kFaults) result.planted.push_back({.fault = fault_name(fault)});
  for (size_t n = 0; n < std::min(wanted, reals.size()) && !options.stop.stop_requested(); ++n) {
    const Image view = judge.view(data.load(reals[n]).image),
                donor = judge.view(data.load(reals[(n + 1) % reals.size()]).image);
    const ParsingMap parsed = judge.parse(view), donor_parsed = judge.parse(donor);
    const double before = judge.odds(judge.input(view));
    for (size_t f = 0; f < result.planted.size(); ++f) {
      PlantedFigures& figures = result.planted[f];
      const auto planted = plant_fault(kFaults[f], view, parsed, donor, donor_parsed, judge.grid());
      if (!planted) continue;
      ++figures.planted;
      const std::vector<float> image = judge.input(planted->image);
      if (judge.odds(image) - before < kSeen) continue;
      ++figures.seen;
      figures.share += static_cast<double>(std::count(planted->spoilt.begin(), planted->spoilt.end(), 1)) /
                       static_cast<double>(planted->spoilt.size());
      figures.hits += planted->spoilt[highest(judge.map(image, judge.own()))];
      figures.hits_random_head += planted->spoilt[highest(judge.map(image, judge.random_head()))];
      const Explanation explanation =
          explain(image, judge.regions(judge.parse(planted->image)), judge.hiding(), judge.own());
      const auto most = std::max_element(explanation.regions.begin(), explanation.regions.end(),
                                         [](const auto& a, const auto& b) { return a.effect < b.effect; });
      figures.region_hits += is_region_of(kFaults[f], most->region);
      for (const auto& region : explanation.regions)
        figures.region_chance += static_cast<double>(is_region_of(kFaults[f], region.region)) /
                                 static_cast<double>(explanation.regions.size());
    }
    step();
  }
  for (auto& figures : result.planted)
    for (double* sum :
         {&figures.share, &figures.hits, &figures.hits_random_head, &figures.region_hits, &figures.region_chance})
      *sum /= std::max(1, figures.seen);
  return result;
}

}  // namespace fsfm
