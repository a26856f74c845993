// Ends the reading of requests whose bodies take too long.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "server/clock.h"
#include "server/connection.h"

namespace fsfm::server {

// One thread that watches all readers: the HTTP library's own timeout begins anew with every byte, and it tells nobody
// of bytes that are framing (a part's header, a chunk's size). Thread-safe.
class ReadDeadlines {
 public:
  ReadDeadlines();
  // While it lives, the reading side of its connection is shut once the time is over: whoever reads sees the end.
  class Guard {
   public:
    Guard(ReadDeadlines& deadlines, const Connection& connection, double seconds);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    bool passed() const;

   private:
    friend class ReadDeadlines;
    ReadDeadlines& deadlines_;
    const Connection& connection_;
    std::multimap<Clock::time_point, Guard*>::iterator place_;
    bool passed_ = false;
  };
  // From now on no body is waited for.
  void pass_all();

 private:
  void watch(const std::stop_token& stop);
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<Clock::time_point, Guard*> guards_;
  bool all_passed_ = false;
  std::jthread thread_;
};

}  // namespace fsfm::server
