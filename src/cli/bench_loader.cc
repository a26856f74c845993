// fsfm bench loader: what a pretraining step waits for, from stored faces to tensors and masks, on one thread.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/rng.h"
#include "cli/bench.h"
#include "data/batch/pretrain_batch.h"
#include "data/store/open_dataset.h"
#include "data/store/sample_writer.h"
#include "media/codec.h"

namespace fsfm::cli {
namespace {

constexpr int kSide = 224, kFaces = 256, kBatch = 64;

// Waves, an oval and mild noise: about as hard to compress as a face crop (bench/peers/loader.py draws the same).
Image draw_face(Rng& rng) {
  Image image(kSide, kSide);
  const double fx = rng.uniform(0.01, 0.04), fy = rng.uniform(0.01, 0.04), phase = rng.uniform(0, 6);
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const double dx = (x - 112) / 70.0, dy = (y - 118) / 92.0, oval = dx * dx + dy * dy < 1 ? 60 : 0;
      const double wave =
          40 * std::sin(fx * x + phase) + 30 * std::cos(fy * y * 3) + 8 * std::sin(0.9 * x) * std::sin(0.7 * y);
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] =
            static_cast<uint8_t>(std::clamp(100 - 15 * c + oval + wave + 4 * rng.normal(), 0.0, 255.0));
    }
  }
  return image;
}

// The boxes of `fsfm bench masks`.
std::vector<uint8_t> draw_map(Rng& rng) {
  static constexpr int kBoxes[][5] = {
      {10, 40, 16, 144, 150}, {1, 56, 56, 112, 140}, {2, 66, 76, 34, 7},  {3, 124, 76, 34, 7}, {4, 70, 90, 28, 12},
      {5, 126, 90, 28, 12},   {6, 98, 92, 28, 44},   {7, 88, 150, 48, 7}, {8, 92, 156, 40, 5}, {9, 90, 160, 44, 9}};
  std::vector<uint8_t> map(kSide * kSide);
  for (const auto& [label, x, y, width, height] : kBoxes) {
    const int left = x + static_cast<int>(rng.below(17)) - 8, top = y + static_cast<int>(rng.below(17)) - 8;
    for (int row = top; row < top + height; ++row)
      for (int column = left; column < left + width; ++column)
        map[static_cast<size_t>(row * kSide + column)] = static_cast<uint8_t>(label);
  }
  return map;
}

// A folder that goes when the bench is over.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "fsfm-bench-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw Error("cannot make " + name, "check TMPDIR");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<Dataset> make_dataset(const std::filesystem::path& dir) {
  auto writer = make_shard_writer({.dir = dir}, nullptr);
  Rng rng(1);
  for (int i = 0; i < kFaces; ++i) {
    PreparedFace face;
    face.record.key = "face_" + std::to_string(i);
    face.record.class_name = "real";
    face.record.video = "real/" + face.record.key;
    face.picture = encode_jpeg(draw_face(rng), 95);
    face.extension = "jpg";
    face.parsing = draw_map(rng);
    face.record.regions = make_region_map(face.parsing, kSide, kSide);
    writer->add(face);
  }
  Manifest manifest;
  manifest.name = "bench";
  manifest.form = "shards";
  writer->finish(manifest);
  manifest.write(dir / "manifest.json");
  return open_dataset(dir);
}

}  // namespace

std::vector<BenchCase> bench_loader(const MeasureOptions& options) {
  const TemporaryFolder folder;
  const auto dataset = make_dataset(folder.path());
  const PretrainBatchOptions batch_options;
  Loader loader(*dataset, {.batch_size = kBatch, .workers = 0}, make_pretrain_filler(batch_options),
                make_pretrain_batch(batch_options, kBatch));
  int epoch = 0;
  loader.start(epoch);
  const auto timing = measure(
      [&] {
        auto batch = loader.next();
        if (!batch) {
          loader.start(++epoch);
          batch = loader.next();
        }
        keep(batch->images.data());
        loader.recycle(*std::move(batch));
      },
      options);
  return {{"64 stored faces to tensors and crfr-p masks", timing, kBatch, "images"}};
}

}  // namespace fsfm::cli
