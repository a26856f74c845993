#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "base/error.h"
#include "support/memory_dataset.h"

namespace fsfm {
namespace {

using test::MemoryDataset;

Sample blank(size_t) { return {}; }

// Each slot stores one random number of its own Rng, so that any dependence on threads or order shows.
void fill_with_draw(const Dataset& dataset, size_t index, Rng& rng, Batch& batch, int slot) {
  if (index % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));  // finish out of order
  batch.images[static_cast<size_t>(slot)] = static_cast<float>(rng.uniform());
  batch.labels[static_cast<size_t>(slot)] = dataset.samples()[index].label;
}

std::function<Batch()> batches_of(int size) {
  return [size] {
    Batch batch;
    batch.size = size;
    batch.images.resize(static_cast<size_t>(size));
    batch.labels.resize(static_cast<size_t>(size));
    return batch;
  };
}

std::vector<Batch> run(Loader& loader, int epoch, int64_t first = 0) {
  std::vector<Batch> all;
  loader.start(epoch, first);
  while (auto batch = loader.next()) all.push_back(std::move(*batch));
  return all;
}

std::vector<Batch> run(const Dataset& data, LoaderOptions options, int epoch = 0, int64_t first = 0) {
  Loader loader(data, options, fill_with_draw, batches_of(options.batch_size));
  return run(loader, epoch, first);
}

void expect_equal(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].indices, b[i].indices);
    EXPECT_EQ(a[i].images, b[i].images);
    EXPECT_EQ(a[i].labels, b[i].labels);
    EXPECT_EQ(a[i].seed, b[i].seed);
  }
}

TEST(Loader, OrderAndDrawsDoNotDependOnTheWorkers) {
  const MemoryDataset data(103, blank);
  const auto reference = run(data, {.batch_size = 8, .workers = 0, .seed = 3});
  EXPECT_EQ(reference.size(), 12u);
  for (int workers : {1, 2, 5})
    expect_equal(run(data, {.batch_size = 8, .workers = workers, .prefetch = 3, .seed = 3}), reference);
}

TEST(Loader, EpochsAndSeedsDiffer) {
  const MemoryDataset data(64, blank);
  const auto a = run(data, {.batch_size = 8, .seed = 1}, 0), b = run(data, {.batch_size = 8, .seed = 1}, 1),
             c = run(data, {.batch_size = 8, .seed = 2}, 0);
  EXPECT_NE(a[0].indices, b[0].indices);
  EXPECT_NE(a[0].indices, c[0].indices);
  EXPECT_NE(a[0].seed, a[1].seed);
}

TEST(Loader, ResumesAtAnyBatch) {
  const MemoryDataset data(50, blank);
  auto whole = run(data, {.batch_size = 4, .workers = 2, .seed = 9}, 3);
  const auto rest = run(data, {.batch_size = 4, .workers = 2, .seed = 9}, 3, 5);
  whole.erase(whole.begin(), whole.begin() + 5);
  expect_equal(rest, whole);
}

TEST(Loader, RanksCoverEverySampleOnce) {
  const MemoryDataset data(53, blank);
  std::map<size_t, int> seen;
  size_t batches = 0;
  for (int rank = 0; rank < 3; ++rank) {
    const auto own =
        run(data, {.batch_size = 4, .workers = 2, .seed = 5, .drop_last = false, .rank = rank, .world_size = 3});
    if (rank == 0) batches = own.size();
    EXPECT_EQ(own.size(), batches);  // collectives need the same number of steps everywhere
    for (const auto& batch : own) {
      EXPECT_EQ(batch.images.size(), static_cast<size_t>(batch.size));
      for (const size_t index : batch.indices) ++seen[index];
    }
  }
  EXPECT_EQ(seen.size(), 53u);
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](const auto& s) { return s.second == 1; }));
}

TEST(Loader, KeepsTheOrderOfTheDatasetWithoutShuffle) {
  const MemoryDataset data(10, blank);
  const auto all = run(data, {.batch_size = 4, .workers = 3, .shuffle = false, .drop_last = false});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[2].indices, (std::vector<size_t>{8, 9}));
  EXPECT_EQ(all[2].labels, (std::vector<int64_t>{0, 1}));
}

TEST(Loader, RethrowsAWorkersErrorAtItsBatch) {
  const MemoryDataset data(32, blank);
  for (int workers : {0, 2}) {
    Loader loader(
        data, {.batch_size = 4, .workers = workers, .shuffle = false},
        [](const Dataset& d, size_t index, Rng& rng, Batch& batch, int slot) {
          if (index == 9) throw Error("broken.jpg cannot be decoded");
          fill_with_draw(d, index, rng, batch, slot);
        },
        batches_of(4));
    loader.start(0);
    EXPECT_TRUE(loader.next());
    EXPECT_TRUE(loader.next());
    EXPECT_THROW(loader.next(), Error);
    EXPECT_EQ(loader.next()->indices.front(), 12u);  // the caller may go on
  }
}

TEST(Loader, StopsInTheMiddleAndStartsAgain) {
  const MemoryDataset data(400, blank);
  Loader loader(data, {.batch_size = 4, .workers = 3, .seed = 1}, fill_with_draw, batches_of(4));
  loader.start(0);
  for (int i = 0; i < 3; ++i) loader.recycle(std::move(*loader.next()));
  const auto again = run(loader, 0);
  EXPECT_EQ(again.size(), 100u);
  expect_equal(again, run(data, {.batch_size = 4, .workers = 0, .seed = 1}));
}

TEST(Loader, RefusesADatasetSmallerThanABatch) {
  const MemoryDataset data(3, blank);
  EXPECT_THROW(Loader(data, {.batch_size = 4}, fill_with_draw, batches_of(4)), Error);
  EXPECT_NO_THROW(Loader(data, {.batch_size = 4, .drop_last = false}, fill_with_draw, batches_of(4)));
}

}  // namespace
}  // namespace fsfm
