#include "data/loader.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <string_view>
#include <thread>

#include "base/error.h"

namespace fsfm {
namespace {

// One well-mixed word from three (splitmix64's finaliser over a running sum).
uint64_t mix(uint64_t a, uint64_t b, uint64_t c) {
  uint64_t x = a;
  for (const uint64_t word : {b, c}) {
    x += 0x9E3779B97F4A7C15ull + word;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    x ^= x >> 31;
  }
  return x;
}

// Applies `change(values, values a sample)` to every per-sample array that the loader does not fill itself.
template <class Change>
void for_each_array(Batch& batch, Change&& change) {
  const auto size = static_cast<size_t>(batch.size);
  const auto one = [&](auto& values) { change(values, size ? values.size() / size : 0); };
  one(batch.images);
  one(batch.labels);
  one(batch.masked);
  one(batch.region);
}

// Cuts every per-sample array of a batch to its first `size` samples.
void shrink(Batch& batch, int size) {
  for_each_array(batch, [&](auto& values, size_t each) { values.resize(each * static_cast<size_t>(size)); });
  batch.size = size;
}

// Closes the gaps that slots marked as `missing` leave.
void close_gaps(Batch& batch, const std::vector<uint8_t>& missing) {
  size_t kept = 0;
  for (size_t slot = 0; slot < missing.size(); ++slot) {
    if (missing[slot]) continue;
    if (kept != slot) {
      for_each_array(batch, [&](auto& values, size_t each) {
        std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(slot * each), each,
                    values.begin() + static_cast<std::ptrdiff_t>(kept * each));
      });
      batch.indices[kept] = batch.indices[slot];
    }
    ++kept;
  }
  batch.indices.resize(kept);
  shrink(batch, static_cast<int>(kept));
}

}  // namespace

struct Loader::Impl {
  // A batch under construction; `waiting` slots are not filled yet.
  struct Pending {
    Batch batch;
    int next_slot = 0, waiting = 0;
    std::vector<uint8_t> missing;  // [B] 1 = left out
    std::exception_ptr error;
  };

  Impl(const Dataset& data, LoaderOptions o, FillSample f, std::function<Batch()> make)
      : dataset(data), options(o), fill(std::move(f)), make_batch(std::move(make)), order(data.samples().size()) {
    if (options.batch_size < 1 || options.world_size < 1 || options.rank < 0 || options.rank >= options.world_size)
      throw InternalError("loader: impossible batch size or rank");
    const int64_t n = static_cast<int64_t>(order.size()), global = int64_t{options.batch_size} * options.world_size;
    batches = options.drop_last ? n / global : (n + global - 1) / global;
    if (batches == 0)
      throw Error(
          "the dataset has " + std::to_string(n) + " samples, too few for one batch of " + std::to_string(global),
          "use a smaller --batch-size or more data");
    options.prefetch = std::max(options.prefetch, 1);
  }

  ~Impl() { stop(); }

  void stop() {
    {
      std::lock_guard lock(mutex);
      stopping = true;
    }
    work.notify_all();
    threads.clear();
    pending.clear();
    stopping = false;
  }

  void start(int new_epoch, int64_t first_batch) {
    stop();
    if (first_batch < 0 || first_batch > batches)
      throw Error("cannot resume at batch " + std::to_string(first_batch), "the data changed since");
    epoch = new_epoch;
    made = taken = first_batch;
    std::iota(order.begin(), order.end(), size_t{0});
    if (options.shuffle) {
      Rng rng(mix(options.seed, static_cast<uint64_t>(epoch), 1));
      rng.shuffle(std::span(order));
    }
    for (int w = 0; w < options.workers; ++w) threads.emplace_back([this] { run(); });
  }

  // This rank's part of global batch `number`, as a range of `order`. A last, partial batch is dealt out evenly.
  std::pair<size_t, size_t> range_of(int64_t number) const {
    const size_t global = static_cast<size_t>(options.batch_size) * options.world_size;
    const size_t first = static_cast<size_t>(number) * global, count = std::min(global, order.size() - first);
    const size_t rank = static_cast<size_t>(options.rank), world = static_cast<size_t>(options.world_size);
    return {first + count * rank / world, first + count * (rank + 1) / world};
  }

  // Opens the next batch; the caller holds the lock. make_batch and the free list are cheap next to filling.
  void open_batch() {
    const auto [begin, end] = range_of(made);
    Pending& p = pending.emplace_back();
    if (!spare.empty()) {
      p.batch = std::move(spare.back());
      spare.pop_back();
    } else {
      p.batch = make_batch();
    }
    if (p.batch.size != static_cast<int>(end - begin)) shrink(p.batch, static_cast<int>(end - begin));
    p.batch.indices.assign(order.begin() + static_cast<int64_t>(begin), order.begin() + static_cast<int64_t>(end));
    p.batch.seed = mix(options.seed, static_cast<uint64_t>(epoch),
                       mix(static_cast<uint64_t>(made), static_cast<uint64_t>(options.rank), 2));
    p.waiting = p.batch.size;
    p.missing.assign(static_cast<size_t>(p.batch.size), 0);
    ++made;
  }

  void fill_slot(Pending& p, int slot) {
    size_t& index = p.batch.indices[static_cast<size_t>(slot)];
    if (try_fill(p, slot, index, index)) return;
    if (!options.replace_unreadable) {
      p.missing[static_cast<size_t>(slot)] = 1;
      return;
    }
    const size_t lost = index;
    Rng rng(mix(options.seed, static_cast<uint64_t>(epoch), 4), lost + 1);
    std::vector<size_t> others = kin_of(lost);
    // One after the other of a shuffled list, drawn as far as needed.
    for (size_t left = others.size(); left > 0; --left) {
      std::swap(others[left - 1], others[rng.below(static_cast<uint32_t>(left))]);
      const size_t other = others[left - 1];
      options.unreadable->check();
      if (other == lost || !try_fill(p, slot, other, lost)) continue;
      index = other;
      return;
    }
    const auto& info = dataset.info();
    throw Error("no picture of class " + info.classes.at(static_cast<size_t>(dataset.samples()[lost].label)) + " of " +
                    info.name + " can be read: " + options.unreadable->named(),
                "check the folder");
  }

  // Sample `index` into the slot, with the draws that belong to sample `drawn_for`. False: it cannot be read.
  bool try_fill(Pending& p, int slot, size_t index, size_t drawn_for) {
    const std::string& key = dataset.samples()[index].key;
    if (options.unreadable && options.unreadable->contains(key)) return false;
    Rng rng(mix(options.seed, static_cast<uint64_t>(epoch), 3), drawn_for + 1);
    try {
      fill(dataset, index, rng, p.batch, slot);
      return true;
    } catch (const UnreadableSample& error) {
      if (!options.unreadable) throw;
      options.unreadable->add(key, error.what());
      return false;
    }
  }

  // The samples of the same class and of the same dataset (what a video's identity begins with): those that a batch
  // balanced by class and domain may hold instead.
  std::vector<size_t> kin_of(size_t index) const {
    const auto& samples = dataset.samples();
    const auto domain = [&](size_t i) {
      return std::string_view(samples[i].video).substr(0, samples[i].video.find('/'));
    };
    std::vector<size_t> kin;
    for (size_t i = 0; i < samples.size(); ++i)
      if (samples[i].label == samples[index].label && domain(i) == domain(index)) kin.push_back(i);
    return kin;
  }

  // A worker: takes single slots, so that one slow picture holds up nobody else.
  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      Pending* p = nullptr;
      work.wait(lock, [&] {
        if (stopping) return true;
        for (auto& candidate : pending) {
          if (candidate.next_slot < candidate.batch.size) {
            p = &candidate;
            return true;
          }
        }
        return made < batches && static_cast<int>(pending.size()) < options.prefetch;
      });
      if (stopping) return;
      if (!p) {
        try {
          open_batch();
        } catch (...) {
          pending.back().error = std::current_exception();
          pending.back().batch.size = pending.back().waiting = 0;
          made = batches;
        }
        work.notify_all();
        ready.notify_one();  // an empty slice is ready at once
        continue;
      }
      const int slot = p->next_slot++;
      lock.unlock();
      std::exception_ptr error;
      try {
        fill_slot(*p, slot);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error && !p->error) p->error = error;
      if (--p->waiting == 0) ready.notify_one();
    }
  }

  // The next batch that holds anything.
  std::optional<Batch> next() {
    for (;;) {
      auto batch = next_of_any_size();
      if (!batch || batch->size > 0 || options.replace_unreadable) return batch;
    }
  }

  std::optional<Batch> next_of_any_size() {
    const auto begin = std::chrono::steady_clock::now();
    const auto clock = [&] {
      waited += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    std::unique_lock lock(mutex);
    if (taken >= batches) return std::nullopt;
    if (options.workers <= 0) {
      open_batch();
      Pending& p = pending.front();
      try {
        for (int slot = 0; slot < p.batch.size; ++slot) fill_slot(p, slot);
      } catch (...) {
        p.error = std::current_exception();
      }
    } else {
      if (threads.empty()) throw InternalError("loader: start() was not called");
      ready.wait(lock, [&] { return !pending.empty() && pending.front().waiting == 0; });
    }
    clock();
    ++taken;
    Pending done = std::move(pending.front());
    pending.pop_front();
    work.notify_all();
    if (done.error) std::rethrow_exception(done.error);
    if (std::find(done.missing.begin(), done.missing.end(), 1) != done.missing.end())
      close_gaps(done.batch, done.missing);
    return std::move(done.batch);
  }

  const Dataset& dataset;
  LoaderOptions options;
  FillSample fill;
  std::function<Batch()> make_batch;
  std::vector<size_t> order;
  int64_t batches = 0;
  int epoch = 0;
  double waited = 0;

  std::mutex mutex;
  std::condition_variable work, ready;
  std::deque<Pending> pending;  // in order; a deque keeps the workers' pointers valid
  std::vector<Batch> spare;
  int64_t made = 0, taken = 0;  // batches opened, handed out
  bool stopping = false;
  std::vector<std::jthread> threads;  // last: joined before the rest goes
};

Loader::Loader(const Dataset& dataset, LoaderOptions options, FillSample fill, std::function<Batch()> make_batch)
    : impl_(std::make_unique<Impl>(dataset, options, std::move(fill), std::move(make_batch))) {}
Loader::~Loader() = default;
int64_t Loader::batches_per_epoch() const { return impl_->batches; }
void Loader::start(int epoch, int64_t first_batch) { impl_->start(epoch, first_batch); }
std::optional<Batch> Loader::next() { return impl_->next(); }
void Loader::recycle(Batch&& batch) {
  std::lock_guard lock(impl_->mutex);
  if (batch.size == impl_->options.batch_size && static_cast<int>(impl_->spare.size()) < impl_->options.prefetch)
    impl_->spare.push_back(std::move(batch));
}
double Loader::wait_seconds() const { return impl_->waited; }

}  // namespace fsfm
