// The queue in front of the workers: bounded, in order, batched.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "server/clock.h"
#include "server/content.h"
#include "server/metrics.h"
#include "server/serve_options.h"
#include "server/worker_process.h"

namespace fsfm::server {

// One upload's way through the service; its fields are the Scheduler's once it is submitted.
struct Task {
  nlohmann::json work;  // what a worker is told
  std::shared_ptr<const Content> content;
  double timeout = 30;      // seconds of work
  bool background = false;  // a job's: goes only where no request waits
  std::function<void(int64_t done, int64_t of)> progress{};

  // The answer: `result` of a worker, or the problem of it.
  bool finished = false, cancelled = false, alone = false;
  nlohmann::json result{}, model{};  // model: the hello of the worker that answered
  int status = 0;
  std::string problem_type{}, problem{};
  Clock::time_point submitted{};
};

// Thread-safe.
class Scheduler {
 public:
  using Log = std::function<void(const std::string&)>;
  // Starts the workers and waits until they are warm. Throws Error as the first of them says.
  Scheduler(const ServeOptions& options, Metrics& metrics, Log log);
  ~Scheduler();

  // Throws Problem 429 when the queue is full, 503 when the service stops or no worker can be started.
  void submit(const std::shared_ptr<Task>& task);
  // Until it is finished. `gone` is asked ten times a second: when it says yes the task is dropped, also while a worker
  // is at it. Throws the task's Problem; 499 when dropped.
  const nlohmann::json& wait(const std::shared_ptr<Task>& task, const std::function<bool()>& gone);
  void cancel(const std::shared_ptr<Task>& task);

  // Loads the model anew in processes aside, then changes over; verdicts in the making keep theirs. Throws Error and
  // changes nothing when the file does not load.
  void reload();
  // Nothing new is taken; what waits is judged, or refused once `seconds` are over. Returns when all is done.
  void drain(double seconds);

  bool ready() const;
  size_t depth() const;  // waiting
  int busy() const;      // workers at work
  int workers() const { return static_cast<int>(slots_.size()); }
  nlohmann::json model() const;  // the hello of the newest worker
  std::vector<int> worker_pids() const;

 private:
  struct Slot {
    std::unique_ptr<WorkerProcess> process, next;  // next: of a reload, taken over when idle
    int pid = 0;
    std::thread thread;
  };
  nlohmann::json worker_settings() const;
  void serve(Slot& slot);
  std::vector<std::shared_ptr<Task>> take();
  void judge(Slot& slot, std::vector<std::shared_ptr<Task>> batch);
  void restart(Slot& slot);
  void finish(const std::shared_ptr<Task>& task, int status, const std::string& type, const std::string& problem);
  void drop(const std::shared_ptr<Task>& task);
  int retry_after() const;

  const ServeOptions& options_;
  Metrics& metrics_;
  Log log_;
  mutable std::mutex mutex_;
  std::condition_variable work_, done_;
  std::deque<std::shared_ptr<Task>> queue_, background_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::mutex reloading_;
  nlohmann::json model_;
  int busy_ = 0, waiting_workers_ = 0, alive_ = 0;
  double mean_seconds_ = 0.1;  // of a task, for Retry-After
  bool stopping_ = false, draining_ = false;
  bool drained_ = false;  // the time to drain is over
  bool failing_ = false;  // the last worker to be started did not
};

}  // namespace fsfm::server
