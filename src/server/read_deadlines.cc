#include "server/read_deadlines.h"

#include <algorithm>
#include <chrono>

namespace fsfm::server {

ReadDeadlines::ReadDeadlines() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}

ReadDeadlines::Guard::Guard(ReadDeadlines& deadlines, const Connection& connection, double seconds)
    : deadlines_(deadlines), connection_(connection) {
  const auto time = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  {
    std::lock_guard lock(deadlines_.mutex_);
    place_ = deadlines_.guards_.emplace(Clock::now() + time, this);
  }
  deadlines_.changed_.notify_one();
}

ReadDeadlines::Guard::~Guard() {
  std::lock_guard lock(deadlines_.mutex_);  // never while the watcher has its hand on the connection
  if (!passed_) deadlines_.guards_.erase(place_);
}

bool ReadDeadlines::Guard::passed() const {
  std::lock_guard lock(deadlines_.mutex_);
  return passed_;
}

void ReadDeadlines::pass_all() {
  {
    std::lock_guard lock(mutex_);
    all_passed_ = true;
  }
  changed_.notify_one();
}

void ReadDeadlines::watch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto first = [&] { return guards_.empty() ? Clock::time_point::max() : guards_.begin()->first; };
    const auto next = std::min(first(), Clock::now() + std::chrono::hours(1));
    changed_.wait_until(lock, stop, next, [&] { return first() < next || (all_passed_ && !guards_.empty()); });
    while (!guards_.empty() && (all_passed_ || guards_.begin()->first <= Clock::now())) {
      Guard& guard = *guards_.begin()->second;
      guards_.erase(guards_.begin());
      guard.passed_ = true;
      guard.connection_.end_reading();
    }
  }
}

}  // namespace fsfm::server
