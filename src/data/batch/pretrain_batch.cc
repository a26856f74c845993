#include "data/batch/pretrain_batch.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "data/augment/geometry.h"
#include "data/regions.h"
#include "data/unreadable.h"
#include "face/sides.h"
#include "media/resize.h"

namespace fsfm {
namespace {

// Maskers hold scratch memory and serve one thread at a time: as many exist as threads ever drew at once.
class MaskerPool {
 public:
  MaskerPool(MaskStrategy strategy, int patches, double ratio)
      : strategy_(strategy), patches_(patches), ratio_(ratio) {}

  template <class Use>
  void with(Use&& use) {
    std::unique_ptr<Masker> masker;
    {
      std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        masker = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!masker) masker = std::make_unique<Masker>(strategy_, patches_, ratio_);
    use(*masker);
    std::lock_guard lock(mutex_);
    free_.push_back(std::move(masker));
  }

 private:
  MaskStrategy strategy_;
  int patches_;
  double ratio_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Masker>> free_;
};

struct View {
  Image image;
  std::vector<uint8_t> map;  // [image.height * image.width], or empty
};

// torchvision's RandomResizedCrop(scale 0.2-1, ratio 3/4-4/3) and a fair flip, the same for picture and class map.
View random_view(const Image& image, const std::vector<uint8_t>& map, int side, Rng& rng) {
  const Rect rect = random_crop_rect(image.width, image.height, 0.2, rng);
  View view{resize(crop(image, rect), side, side), {}};
  if (!map.empty()) {
    // The stored map has its own side: sample it at the centres of the view's pixels.
    const double sx = static_cast<double>(kParsingSide) / image.width,
                 sy = static_cast<double>(kParsingSide) / image.height;
    view.map.resize(static_cast<size_t>(side) * side);
    for (int y = 0; y < side; ++y) {
      const int from_y = std::min(kParsingSide - 1, static_cast<int>((rect.top + (y + 0.5) * rect.height / side) * sy));
      for (int x = 0; x < side; ++x) {
        const int from_x =
            std::min(kParsingSide - 1, static_cast<int>((rect.left + (x + 0.5) * rect.width / side) * sx));
        view.map[static_cast<size_t>(y) * side + x] = map[static_cast<size_t>(from_y) * kParsingSide + from_x];
      }
    }
  }
  if (rng.chance(0.5)) {
    flip_horizontally(view.image);
    for (auto row = view.map.begin(); row != view.map.end(); row += side) std::reverse(row, row + side);
    std::transform(view.map.begin(), view.map.end(), view.map.begin(), mirrored_class);
  }
  return view;
}

class PretrainFiller {
 public:
  explicit PretrainFiller(const PretrainBatchOptions& options)
      : options_(options),
        grid_(options.side / options.patch),
        maskers_(std::make_shared<MaskerPool>(options.strategy, grid_ * grid_, options.ratio)) {}

  void operator()(const Dataset& dataset, size_t index, Rng& rng, Batch& batch, int slot) const {
    const size_t side = static_cast<size_t>(options_.side), patches = static_cast<size_t>(grid_) * grid_;
    Sample sample = read_sample(dataset, index);
    RegionMap regions;
    if (options_.augment) {
      View view =
          random_view(sample.image, read_parsing(dataset, index).value_or(std::vector<uint8_t>()), options_.side, rng);
      sample.image = std::move(view.image);
      if (!view.map.empty()) regions = make_region_map(view.map, options_.side, options_.side, options_.patch);
    } else {
      if (sample.image.width != options_.side || sample.image.height != options_.side)
        sample.image = resize(sample.image, options_.side, options_.side);
      if (auto found = stored_regions(dataset, index, std::move(sample.region_map), options_.side, options_.patch))
        regions = *std::move(found);
    }
    normalize_to_chw(sample.image, options_.normalization,
                     std::span(batch.images).subspan(static_cast<size_t>(slot) * 3 * side * side, 3 * side * side));
    batch.labels[static_cast<size_t>(slot)] = dataset.samples()[index].label;

    if (regions.classes.empty()) {
      if (options_.strategy != MaskStrategy::random)
        throw UnreadableSample(dataset.location(index) + " has no parsing map, which the mask strategy " +
                               std::string(mask_strategy_name(options_.strategy)) +
                               " needs (fsfm prepare parses every face; --mask-strategy random needs none)");
      regions = {grid_, grid_, std::vector<uint16_t>(patches)};
    }
    std::optional<RegionGroup> group;
    if (options_.group_per_batch &&
        (options_.strategy == MaskStrategy::crfr_p || options_.strategy == MaskStrategy::crfr_r))
      group = static_cast<RegionGroup>(Rng(batch.seed).below(kFacialGroups));
    const auto masked = std::span(batch.masked).subspan(static_cast<size_t>(slot) * patches, patches);
    const auto region = std::span(batch.region).subspan(static_cast<size_t>(slot) * patches, patches);
    maskers_->with([&](Masker& masker) { masker.draw(regions, rng, masked, region, group); });
  }

 private:
  PretrainBatchOptions options_;
  int grid_;
  std::shared_ptr<MaskerPool> maskers_;  // shared: a std::function copies its target
};

}  // namespace

std::function<Batch()> make_pretrain_batch(const PretrainBatchOptions& options, int batch_size) {
  return [options, batch_size] {
    const size_t count = static_cast<size_t>(batch_size), side = static_cast<size_t>(options.side);
    const size_t grid = side / static_cast<size_t>(options.patch);
    Batch batch;
    batch.size = batch_size;
    batch.side = options.side;
    batch.images.resize(count * 3 * side * side);
    batch.labels.resize(count);
    batch.masked.resize(count * grid * grid);
    batch.region.resize(count * grid * grid);
    return batch;
  };
}

FillSample make_pretrain_filler(const PretrainBatchOptions& options) {
  if (options.patch < 1 || options.side < options.patch || options.side % options.patch != 0)
    throw Error("an image side of " + std::to_string(options.side) + " is no multiple of the patch side " +
                    std::to_string(options.patch),
                "choose a multiple");
  return PretrainFiller(options);
}

}  // namespace fsfm
