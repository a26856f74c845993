// Timing of short work: warm-up, many samples, the median. Judge ratios measured in one run, never single times.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace fsfm {

struct MeasureOptions {
  double seconds = 1.0;      // time to spend, warm-up apart
  double warm_up = 0.2;      // seconds of untimed calls before (at least one call)
  int min_samples = 5;       // taken even when `seconds` is over
  double min_sample = 5e-4;  // calls shorter than this are timed in batches that last this long
};

// Seconds of one call.
struct Timing {
  double median = 0, p10 = 0, p90 = 0;
  int samples = 0;
};

// One line of a bench: `items` things done per call ("images", "masks").
struct BenchCase {
  std::string name;
  Timing timing;
  double items = 1;
  std::string unit = "calls";
  double speedup = 0;  // times as fast as the plain form; 0: there is none
  double share = 0;    // of the arithmetic that the processor can do at most, measured in the same run; 0: not known
};

// Keeps the compiler from removing work whose result nobody reads.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

// Times `body()`, which is called many times.
template <class Body>
Timing measure(Body&& body, const MeasureOptions& options = {}) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const auto begin = Clock::now();
  int calls = 0;
  do {
    body();
    ++calls;
  } while (seconds_since(begin) < options.warm_up);
  const double estimate = seconds_since(begin) / calls;
  const int batch = std::max(1, static_cast<int>(options.min_sample / std::max(estimate, 1e-9)));

  std::vector<double> samples;
  const auto start = Clock::now();
  while (static_cast<int>(samples.size()) < options.min_samples || seconds_since(start) < options.seconds) {
    const auto sample = Clock::now();
    for (int i = 0; i < batch; ++i) body();
    samples.push_back(seconds_since(sample) / batch);
  }
  std::sort(samples.begin(), samples.end());
  const auto quantile = [&](double q) {
    return samples[static_cast<size_t>(q * static_cast<double>(samples.size() - 1) + 0.5)];
  };
  return {quantile(0.5), quantile(0.1), quantile(0.9), static_cast<int>(samples.size())};
}

}  // namespace fsfm
