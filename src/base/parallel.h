// Parallel loops over independent items on plain threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace fsfm {

// Number of threads to use for `requested` (0 = all cores).
inline int thread_count(int requested) {
  return requested > 0 ? requested : std::max(1u, std::thread::hardware_concurrency());
}

// Calls body(index, worker) for every index in [0, n), worker in [0, threads). Items are taken one at a time, so uneven
// work balances. The first exception stops the loop and is rethrown here.
template <class Body>
void parallel_for(size_t n, int threads, Body&& body) {
  threads = static_cast<int>(std::min<size_t>(thread_count(threads), std::max<size_t>(n, 1)));
  std::atomic<size_t> next{0};
  std::exception_ptr error;
  std::mutex mutex;
  auto run = [&](int worker) {
    for (size_t i = next++; i < n; i = next++) {
      try {
        body(i, worker);
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = n;
      }
    }
  };
  std::vector<std::jthread> workers;
  for (int w = 1; w < threads; ++w) workers.emplace_back(run, w);
  run(0);
  workers.clear();
  if (error) std::rethrow_exception(error);
}

}  // namespace fsfm
