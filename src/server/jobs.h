// Work that outlives its request: long videos and batches, with progress, result and cancellation.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "server/service.h"

namespace fsfm::server {

// Thread-safe. Jobs are kept in memory: a restart forgets them, their verdicts are in the audit trail.
class Jobs {
 public:
  explicit Jobs(Service& service);
  ~Jobs();

  // Its id. Throws Problem 429 when too many wait.
  std::string submit(std::vector<Upload> uploads, int frames, const Caller& caller);
  // {"id","state": queued|running|done|cancelled,"done","of","frames_done","frames_of","version"}. Throws Problem 404
  // also for the job of another token.
  nlohmann::json status(const std::string& id, const Caller& caller);
  // As status, once `version` is no longer what it was, or after a second.
  nlohmann::json next_status(const std::string& id, const Caller& caller, int64_t version);
  // The document of verdicts. Throws Problem 409 while it is not done.
  nlohmann::json result(const std::string& id, const Caller& caller);
  void cancel(const std::string& id, const Caller& caller);
  nlohmann::json list(const Caller& caller);

 private:
  struct Job;
  std::shared_ptr<Job> find(const std::string& id, const Caller& caller);
  nlohmann::json describe(const Job& job) const;
  void work();
  void run(Job& job);
  void forget_old();

  Service& service_;
  std::mutex mutex_;
  std::condition_variable work_, changed_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;
  std::deque<std::shared_ptr<Job>> queue_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

}  // namespace fsfm::server
