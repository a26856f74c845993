#include "data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "base/error.h"
#include "support/error_text.h"
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

// The samples in `bad` cannot be read.
FillSample filler_with(std::vector<size_t> bad) {
  return [bad = std::move(bad)](const Dataset& d, size_t index, Rng& rng, Batch& batch, int slot) {
    if (std::find(bad.begin(), bad.end(), index) != bad.end())
      throw UnreadableSample(d.location(index) + ": truncated");
    fill_with_draw(d, index, rng, batch, slot);
  };
}

TEST(Loader, AnotherSampleOfTheClassTakesTheSlotWhateverTheWorkers) {
  MemoryDataset data(60, blank);
  for (size_t i = 0; i < 60; ++i) data.samples()[i].video = (i < 30 ? "a/v" : "b/v") + std::to_string(i);
  const std::vector<size_t> bad = {3, 8, 41};
  std::vector<std::vector<Batch>> runs;
  for (const int workers : {0, 1, 4}) {
    UnreadableSamples unreadable;
    Loader loader(data, {.batch_size = 4, .workers = workers, .seed = 7, .unreadable = &unreadable}, filler_with(bad),
                  batches_of(4));
    for (int epoch = 0; epoch < 2; ++epoch) runs.push_back(run(loader, epoch));
    EXPECT_EQ(unreadable.size(), 3u);
  }
  for (size_t i = 2; i < runs.size(); ++i) expect_equal(runs[i], runs[i % 2]);
  // Every other slot is what it would have been, and the substitutes are of the lost sample's class and domain.
  const auto whole = run(data, {.batch_size = 4, .workers = 0, .seed = 7});
  for (size_t b = 0; b < whole.size(); ++b) {
    for (size_t slot = 0; slot < 4; ++slot) {
      const size_t was = whole[b].indices[slot], is = runs[0][b].indices[slot];
      if (std::find(bad.begin(), bad.end(), was) == bad.end()) {
        EXPECT_EQ(is, was);
        EXPECT_EQ(runs[0][b].images[slot], whole[b].images[slot]);
        continue;
      }
      EXPECT_EQ(std::find(bad.begin(), bad.end(), is), bad.end());
      EXPECT_EQ(data.samples()[is].label, data.samples()[was].label);
      EXPECT_EQ(is < 30, was < 30);
    }
  }
}

TEST(Loader, WithoutReplacementTheBatchShrinksAndEmptyOnesAreLeftOut) {
  const MemoryDataset data(12, blank);
  for (const int workers : {0, 3}) {
    UnreadableSamples unreadable;
    Loader loader(data,
                  {.batch_size = 4,
                   .workers = workers,
                   .shuffle = false,
                   .drop_last = false,
                   .unreadable = &unreadable,
                   .replace_unreadable = false},
                  filler_with({1, 4, 5, 6, 7}), batches_of(4));
    const auto batches = run(loader, 0);
    ASSERT_EQ(batches.size(), 2u);
    EXPECT_EQ(batches[0].indices, (std::vector<size_t>{0, 2, 3}));
    EXPECT_EQ(batches[0].labels, (std::vector<int64_t>{0, 0, 1}));
    EXPECT_EQ(batches[0].images.size(), 3u);
    EXPECT_EQ(batches[0].size, 3);
    EXPECT_EQ(batches[1].indices.front(), 8u);
    EXPECT_EQ(unreadable.size(), 5u);
  }
}

TEST(Loader, AClassOfWhichNothingCanBeReadIsAnError) {
  const MemoryDataset data(8, blank);
  UnreadableSamples unreadable;
  Loader loader(data, {.batch_size = 4, .workers = 2, .shuffle = false, .unreadable = &unreadable},
                filler_with({1, 3, 5, 7}), batches_of(4));
  loader.start(0);
  const std::string message = test::error_text([&] { loader.next(); });
  EXPECT_NE(message.find("no picture of class real of memory can be read"), std::string::npos) << message;
  EXPECT_NE(message.find("truncated"), std::string::npos) << message;
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
