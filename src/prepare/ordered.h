// A parallel loop whose results are taken in order: work in any order, effects as if one thread had done it all.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fsfm {

// Calls result = work(i, worker) for i in [0, n) on `threads` threads and take(i, result) for i = 0, 1, 2, ..., one at
// a time, on whichever thread completes the row. At most 4 * threads results wait, so memory does not grow with n.
// `stop` (may be empty) is asked before each item. Returns false when it ended the loop; everything begun is still
// taken. The first exception ends the loop and is rethrown.
template <class Work, class Take>
bool ordered_for(size_t n, int threads, Work&& work, Take&& take, const std::function<bool()>& stop) {
  using Result = decltype(work(size_t{0}, 0));
  std::mutex mutex;
  std::condition_variable room;
  std::map<size_t, Result> waiting;
  size_t next = 0, taken = 0;
  const size_t window = 4 * static_cast<size_t>(threads);
  bool taking = false, stopped = false;
  std::exception_ptr error;

  const auto run = [&](int worker) {
    std::unique_lock lock(mutex);
    for (;;) {
      room.wait(lock, [&] { return error || stopped || next >= n || next < taken + window; });
      if (error || stopped || next >= n) return;
      if (stop && stop()) {
        stopped = true;
        room.notify_all();
        return;
      }
      const size_t i = next++;
      lock.unlock();
      try {
        Result result = work(i, worker);
        lock.lock();
        waiting.emplace(i, std::move(result));
        while (!taking && !error && waiting.contains(taken)) {
          auto node = waiting.extract(taken);
          taking = true;
          lock.unlock();
          take(node.key(), std::move(node.mapped()));
          lock.lock();
          taking = false;
          ++taken;
          room.notify_all();
        }
      } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        if (!error) error = std::current_exception();
        taking = false;
        room.notify_all();
        return;
      }
    }
  };
  std::vector<std::jthread> pool;
  for (int w = 1; w < threads; ++w) pool.emplace_back(run, w);
  run(0);
  pool.clear();
  if (error) std::rethrow_exception(error);
  return taken == n;
}

}  // namespace fsfm
