// What every user of oneDNN here shares: one CPU engine with its stream, and its exceptions as ours.
#pragma once

#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"

namespace fsfm {

struct OneDnn {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

// Runs `action`; an exception of oneDNN becomes an Error that names the work.
template <class Action>
auto with_onednn(const char* work, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const dnnl::error& error) {
    throw Error(std::string(work) + " failed in oneDNN: " + error.message);
  }
}

// OpenMP's thread count for the calling thread, restored at the end of the scope. 0 = all cores.
class ScopedThreads {
 public:
  explicit ScopedThreads(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(std::max(1, thread_count(threads)));
  }
  ~ScopedThreads() { omp_set_num_threads(before_); }
  ScopedThreads(const ScopedThreads&) = delete;
  ScopedThreads& operator=(const ScopedThreads&) = delete;

 private:
  int before_;
};

}  // namespace fsfm
