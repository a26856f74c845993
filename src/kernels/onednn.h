// All of oneDNN's interface that depends on its version (2.x or 3.x), and what every user of it shares: one CPU engine
// with its stream, its exceptions as ours, its number of threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <dnnl.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"

namespace fsfm {

// Not for two threads at a time; each thread of a team has a lane of its own.
struct OneDnn {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};

  static constexpr size_t kRowSlot = 3, kProductSlot = 4;  // a row on its way; what a product needs inside

  OneDnn() = default;
  explicit OneDnn(const dnnl::engine& shared) : engine(shared), stream(engine) {}

  // Makes lanes 0 to `count` - 1, which then may be used by one thread each.
  void make_lanes(int count) {
    while (lanes_.size() < static_cast<size_t>(count)) lanes_.push_back(std::make_unique<OneDnn>(engine));
  }
  OneDnn& lane(int thread) { return *lanes_[static_cast<size_t>(thread)]; }

  // Memory for `count` values until the next call with this `slot` (0 to 2, or one of those above); it grows and never
  // shrinks.
  template <class T>
  T* scratch(size_t slot, size_t count) {
    auto& memory = scratch_[slot];
    if (memory.size() < count * sizeof(T)) memory.resize(count * sizeof(T));
    return reinterpret_cast<T*>(memory.data());
  }

 private:
  std::array<std::vector<std::byte>, kProductSlot + 1> scratch_;
  std::vector<std::unique_ptr<OneDnn>> lanes_;
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

// The primitives we use, described. oneDNN 2 describes the operation first and then the primitive; oneDNN 3 does both
// at once, with the engine in front.
namespace onednn {

using Desc = dnnl::memory::desc;

// `bias` may be the empty description.
inline dnnl::matmul::primitive_desc matmul(const dnnl::engine& engine, const Desc& a, const Desc& b, const Desc& bias,
                                           const Desc& c, const dnnl::primitive_attr& attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine, a, b, bias, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, bias, c), attributes, engine};
#endif
}

inline dnnl::convolution_forward::primitive_desc convolution(const dnnl::engine& engine, const Desc& source,
                                                             const Desc& weights, const Desc& bias, const Desc& target,
                                                             const dnnl::memory::dims& strides,
                                                             const dnnl::memory::dims& before,
                                                             const dnnl::memory::dims& behind,
                                                             const dnnl::primitive_attr& attributes) {
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kWay = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kKind, kWay, source, weights, bias, target, strides, before, behind, attributes};
#else
  return {{kKind, kWay, source, weights, bias, target, strides, before, behind}, attributes, engine};
#endif
}

inline dnnl::resampling_forward::primitive_desc bilinear(const dnnl::engine& engine, const Desc& source,
                                                         const Desc& target, const dnnl::primitive_attr& attributes) {
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kWay = dnnl::algorithm::resampling_linear;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, kKind, kWay, source, target, attributes};
#else
  return {{kKind, kWay, source, target}, attributes, engine};
#endif
}

// An activation without parameters, applied to the result.
inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm activation) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(activation, 0.0f, 0.0f);
#else
  ops.append_eltwise(1.0f, activation, 0.0f, 0.0f);
#endif
}

}  // namespace onednn
}  // namespace fsfm
