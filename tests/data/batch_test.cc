#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "data/batch/eval_batch.h"
#include "data/batch/pretrain_batch.h"
#include "data/statistics.h"
#include "support/face_painter.h"
#include "support/memory_dataset.h"

namespace fsfm {
namespace {

using test::MemoryDataset;

Sample painted(size_t i) {
  auto face = test::paint_face(i);
  return {std::move(face.image), make_region_map(face.parsing, 224, 224)};
}

Batch first_batch(const Dataset& data, const PretrainBatchOptions& options, int workers = 1) {
  Loader loader(data, {.batch_size = 4, .workers = workers, .seed = 1}, make_pretrain_filler(options),
                make_pretrain_batch(options, 4));
  loader.start(0);
  return *loader.next();
}

TEST(PretrainBatch, MasksAreExactAndOwnToEveryFace) {
  const MemoryDataset data(8, painted);
  const Batch batch = first_batch(data, {});
  ASSERT_EQ(batch.masked.size(), 4u * 196);
  for (size_t b = 0; b < 4; ++b) {
    const auto mask = std::span(batch.masked).subspan(b * 196, 196),
               region = std::span(batch.region).subspan(b * 196, 196);
    EXPECT_EQ(std::count(mask.begin(), mask.end(), 1), 147);
    EXPECT_GT(std::count(region.begin(), region.end(), 1), 0);
    for (size_t p = 0; p < 196; ++p) EXPECT_LE(region[p], mask[p]);
  }
  EXPECT_FALSE(std::equal(batch.masked.begin(), batch.masked.begin() + 196, batch.masked.begin() + 196));
  EXPECT_EQ(batch.masked, first_batch(data, {}, 3).masked);
}

TEST(PretrainBatch, PixelsAreNormalised) {
  const MemoryDataset data(4, [](size_t) {
    return Sample{Image(224, 224, 255), RegionMap{14, 14, std::vector<uint16_t>(196, 2)}};
  });
  PretrainBatchOptions options;
  options.normalization = {{.5f, .5f, .5f}, {.25f, .5f, 1.f}};
  const Batch batch = first_batch(data, options);
  EXPECT_FLOAT_EQ(batch.images[0], 2.f);
  EXPECT_FLOAT_EQ(batch.images[224 * 224], 1.f);
  EXPECT_FLOAT_EQ(batch.images[2 * 224 * 224], .5f);
}

TEST(PretrainBatch, OtherSizesAreResized) {
  const MemoryDataset data(4, [](size_t i) { return Sample{test::paint_face(i, 100).image, painted(i).region_map}; });
  EXPECT_EQ(first_batch(data, {}).images.size(), 4u * 3 * 224 * 224);
}

TEST(PretrainBatch, RegionStrategiesNeedAMap) {
  const MemoryDataset data(4, [](size_t i) { return Sample{test::paint_face(i).image, std::nullopt}; });
  EXPECT_THROW(first_batch(data, {}), Error);
  PretrainBatchOptions options;
  options.strategy = MaskStrategy::random;
  const Batch batch = first_batch(data, options);
  EXPECT_EQ(std::count(batch.masked.begin(), batch.masked.end(), 1), 4 * 147);
}

TEST(PretrainBatch, OneRegionForTheBatchWhenAskedFor) {
  // Patch p < 6 belongs to one class each, so the covered region tells which group was drawn.
  const MemoryDataset data(8, [](size_t) {
    RegionMap map{14, 14, std::vector<uint16_t>(196, 1 << kBackground)};
    map.classes[0] = 1 << kLeftBrow;
    map.classes[1] = 1 << kLeftEye;
    map.classes[2] = 1 << kNose;
    map.classes[3] = 1 << kInnerMouth;
    map.classes[4] = 1 << kSkin | 1 << kHair;
    return Sample{Image(224, 224), map};
  });
  PretrainBatchOptions options;
  options.group_per_batch = true;
  const Batch batch = first_batch(data, options);
  for (size_t b = 1; b < 4; ++b)
    EXPECT_TRUE(std::equal(batch.region.begin(), batch.region.begin() + 196,
                           batch.region.begin() + static_cast<int64_t>(b) * 196));
}

// A dataset whose class map equals its picture's red channel: crop and flip must move both alike.
class MappedDataset final : public Dataset {
 public:
  MappedDataset() {
    samples_.resize(4);
    info_.classes = {"real"};
  }
  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }
  Sample load(size_t) const override {
    Image image(224, 224);
    const auto map = *load_parsing(0);
    for (size_t i = 0; i < map.size(); ++i) image.rgb[3 * i] = map[i] == kNose ? 255 : 0;
    return {image, std::nullopt};
  }
  std::optional<std::vector<uint8_t>> load_parsing(size_t) const override {
    std::vector<uint8_t> map(224 * 224, kSkin);
    for (int y = 96; y < 160; ++y)
      for (int x = 32; x < 96; ++x) map[static_cast<size_t>(y) * 224 + x] = kNose;
    return map;
  }
  std::vector<std::byte> load_encoded(size_t) const override { return {}; }
  std::string location(size_t) const override { return "painted"; }

 private:
  DatasetInfo info_;
  std::vector<SampleRef> samples_;
};

TEST(PretrainBatch, AugmentationMovesPictureAndMapTogether) {
  PretrainBatchOptions options;
  options.augment = true;
  options.strategy = MaskStrategy::crfr_r;
  options.normalization = {{0, 0, 0}, {1, 1, 1}};
  const MappedDataset data;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Batch batch = make_pretrain_batch(options, 1)();
    Rng rng(seed);
    make_pretrain_filler(options)(data, 0, rng, batch, 0);
    // The only facial group is the nose: the covered region must be the patches where the picture is red.
    for (int p = 0; p < 196; ++p) {
      double most = 0;
      for (int y = 2; y < 14; ++y)
        for (int x = 2; x < 14; ++x)
          most = std::max<double>(most, batch.images[static_cast<size_t>((p / 14 * 16 + y) * 224 + p % 14 * 16 + x)]);
      if (most > 0.9) {
        EXPECT_EQ(batch.region[static_cast<size_t>(p)], 1) << "seed " << seed << " patch " << p;
      }
    }
  }
}

TEST(EvalBatch, AppliesTheTransformAndTheModelsLabels) {
  const MemoryDataset data(2, [](size_t i) {
    return Sample{Image(100, 60, static_cast<uint8_t>(i ? 255 : 0)), std::nullopt};
  });
  const EvalBatchOptions options{.transform = {.resize = 40, .size = 32, .center_crop = true},
                                 .normalization = {{0, 0, 0}, {1, 1, 1}}};
  Loader loader(data, {.batch_size = 2, .shuffle = false}, make_eval_filler(options, {1, 0}),
                make_eval_batch(options, 2));
  loader.start(0);
  const Batch batch = *loader.next();
  EXPECT_EQ(batch.images.size(), 2u * 3 * 32 * 32);
  EXPECT_EQ(batch.labels, (std::vector<int64_t>{1, 0}));
  EXPECT_FLOAT_EQ(batch.images.back(), 1.f);
}

TEST(Statistics, MeanAndDeviationOfAllPixels) {
  const MemoryDataset data(2, [](size_t i) {
    return Sample{Image(224, 224, static_cast<uint8_t>(i ? 255 : 0)), std::nullopt};
  });
  const Normalization norm = dataset_normalization(data, 0, 2);
  EXPECT_NEAR(norm.mean[0], 0.5, 1e-6);
  EXPECT_NEAR(norm.std[2], 0.5, 1e-6);
}

TEST(Statistics, AConstantSetCannotDivideByZero) {
  const MemoryDataset data(1, [](size_t) { return Sample{Image(10, 10, 7), std::nullopt}; });
  EXPECT_FLOAT_EQ(dataset_normalization(data).std[0], 1.f);
}

}  // namespace
}  // namespace fsfm
