// How often each token may ask.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <string>

#include "server/clock.h"

namespace fsfm::server {

// A bucket a name: `rate` requests a second, up to ten seconds' worth (at least 10) at once. Thread-safe.
class RateLimit {
 public:
  explicit RateLimit(double rate) : rate_(rate), burst_(std::max(10.0, rate * 10)) {}

  // 0 = go ahead, else seconds to wait.
  int take(const std::string& name, Clock::time_point now = Clock::now()) {
    if (rate_ <= 0) return 0;
    std::lock_guard lock(mutex_);
    Bucket& bucket = buckets_.try_emplace(name, Bucket{burst_, now}).first->second;
    bucket.tokens =
        std::min(burst_, bucket.tokens + rate_ * std::chrono::duration<double>(now - bucket.filled).count());
    bucket.filled = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return std::max(1, static_cast<int>(std::ceil((1 - bucket.tokens) / rate_)));
  }

 private:
  struct Bucket {
    double tokens;
    Clock::time_point filled;
  };
  double rate_, burst_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;  // as many as there are tokens
};

}  // namespace fsfm::server
