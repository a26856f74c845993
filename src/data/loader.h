// Batches prepared ahead of the trainer on worker threads, in an order that only the seed decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "data/unreadable.h"
#include "masking/masking.h"

namespace fsfm {

struct Batch {
  int size = 0, side = 0;
  std::vector<float> images;    // [B,3,S,S] normalised
  std::vector<int64_t> labels;  // [B]
  std::vector<uint8_t> masked;  // [B,P] 1 = hidden   (pretraining only)
  std::vector<uint8_t> region;  // [B,P] 1 = in M_fr  (pretraining only)
  std::vector<size_t> indices;  // [B] into the dataset
  uint64_t seed = 0;            // depends on (seed, epoch, batch, rank) only; for draws shared by the whole batch
};

struct LoaderOptions {
  int batch_size = 16;
  int workers = 1;   // 0 = load in the caller's thread
  int prefetch = 4;  // batches kept ready
  uint64_t seed = 0;
  bool shuffle = true;
  bool drop_last = true;  // false: the last batch may be smaller (even empty on some ranks)
  int rank = 0,
      world_size = 1;  // this process takes every world_size-th batch slice; every sample is covered once an epoch
  // Notes samples that cannot be read, and outlives the loader; null: such a sample is an error of next().
  UnreadableSamples* unreadable = nullptr;
  // What then becomes of the slot: another sample of the same class and dataset takes it, which one depends on the
  // seed, the epoch and the sample alone; or the batch is smaller (and left out when nothing remains; for one process).
  bool replace_unreadable = true;
};

// Turns one loaded sample into its slot of a batch. Called from worker threads with an Rng that depends only on
// (seed, epoch, sample index), so results do not depend on the number of workers.
using FillSample = std::function<void(const Dataset&, size_t index, Rng&, Batch&, int slot)>;

// Resumable: start(epoch, first_batch) continues where a checkpoint stopped. Every rank sees the same number of
// batches.
//
//   PretrainBatchOptions what{.normalization = norm};
//   Loader loader(*dataset, {.batch_size = 64, .workers = 2}, make_pretrain_filler(what), make_pretrain_batch(what,
//   64)); loader.start(epoch); while (auto batch = loader.next()) train(*batch);
//
// Thread-compatible: one caller.
class Loader {
 public:
  // `make_batch` returns a batch with room for batch_size samples; a smaller last batch is cut to its size.
  // Throws Error when the dataset cannot fill one batch (drop_last) or is empty.
  Loader(const Dataset& dataset, LoaderOptions options, FillSample fill, std::function<Batch()> make_batch);
  ~Loader();
  int64_t batches_per_epoch() const;
  void start(int epoch, int64_t first_batch = 0);
  // nullopt at the end of the epoch. Rethrows a worker's Error; throws Error when no sample of a class can be read.
  std::optional<Batch> next();
  // Gives a used batch back: its memory serves a later one.
  void recycle(Batch&& batch);
  double wait_seconds() const;  // time the caller spent waiting since construction

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsfm
