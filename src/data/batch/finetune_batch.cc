#include "data/batch/finetune_batch.h"

#include "base/error.h"
#include "data/augment/color.h"
#include "data/augment/erasing.h"
#include "data/augment/geometry.h"
#include "data/augment/scene.h"
#include "data/unreadable.h"
#include "media/resize.h"

namespace fsfm {
namespace {

// Asked for whether the face is blended this time or not: what is left out must not depend on the draws.
std::vector<uint8_t> map_to_blend(const Dataset& dataset, size_t index) {
  auto map = read_parsing(dataset, index);
  if (!map)
    throw UnreadableSample(dataset.location(index) +
                           " has no parsing map, which --self-blend needs (fsfm prepare parses every face)");
  return *std::move(map);
}

}  // namespace

std::function<Batch()> make_finetune_batch(const FinetuneBatchOptions& options, int batch_size) {
  return [side = static_cast<size_t>(options.side), batch_size] {
    Batch batch;
    batch.size = batch_size;
    batch.side = static_cast<int>(side);
    batch.images.resize(static_cast<size_t>(batch_size) * 3 * side * side);
    batch.labels.resize(static_cast<size_t>(batch_size));
    return batch;
  };
}

FillSample make_finetune_filler(const FinetuneBatchOptions& options) {
  return [options](const Dataset& dataset, size_t index, Rng& rng, Batch& batch, int slot) {
    Image image = read_sample(dataset, index).image;
    const auto label = static_cast<size_t>(dataset.samples()[index].label);
    int64_t target = options.label_map.empty() ? static_cast<int64_t>(label) : options.label_map.at(label);
    if (options.self_blend > 0 && options.genuine.at(label)) {
      const auto map = map_to_blend(dataset, index);
      if (rng.chance(options.self_blend)) {
        // Nothing when the map shows too little face.
        if (auto fake = self_blend(image, map, kParsingSide, rng)) {
          image = std::move(fake->image);
          target = options.self_blend_label;
        }
      }
    }
    if (options.tilt > 0 && rng.chance(0.5)) image = tilted(image, rng.uniform(-options.tilt, options.tilt));
    if (options.tint > 0 && rng.chance(0.5)) light_from_two_sides(image, options.tint, rng);
    if (options.degrade > 0)
      image = degrade_randomly(image, options.degrade_kinds, options.degrade, options.degrade_most, rng);
    image = options.min_area < 1 ? random_resized_crop(image, options.side, options.min_area, rng)
                                 : resize(image, options.side, options.side);
    if (options.flip && rng.chance(0.5)) flip_horizontally(image);
    if (options.rand_augment) image = rand_augment(std::move(image), *options.rand_augment, rng);
    if (options.saturation > 0) scale_saturation(image, rng.uniform(1 - options.saturation, 1 + options.saturation));
    const size_t values = static_cast<size_t>(3) * options.side * options.side;
    const auto out = std::span(batch.images).subspan(static_cast<size_t>(slot) * values, values);
    normalize_to_chw(image, options.normalization, out);
    random_erasing(out, options.side, options.erasing, rng);
    batch.labels[static_cast<size_t>(slot)] = target;
  };
}

}  // namespace fsfm
