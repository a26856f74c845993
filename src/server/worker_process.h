// The service's side of one worker: started, given batches, killed when it hangs.
#pragma once

#include <sys/types.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "server/content.h"
#include "server/worker_channel.h"

namespace fsfm::server {

// One upload and what to do with it, as the worker sees it.
struct WorkItem {
  nlohmann::json task;
  const Content* content = nullptr;
  // Result, problem or progress of this item. A hostile file may speak through the worker: whatever it throws ends the
  // worker.
  std::function<void(const Packet&, const nlohmann::json&)> on_packet;
};

// Not thread-safe. The process dies with the object.
class WorkerProcess {
 public:
  // Starts this program as `fsfm __worker` (exec: no thread of ours is forked) and waits until it is warm. Throws Error
  // with its reason when it cannot start.
  explicit WorkerProcess(const nlohmann::json& settings);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  const nlohmann::json& hello() const { return hello_; }
  pid_t pid() const { return pid_; }
  // False once it ended, or speaks without being asked: it is then not to be given anything.
  bool waits() const;

  enum class Outcome { done, died, too_slow, stopped };
  // Anything but `done` leaves a dead process: items without an answer have none.
  Outcome run(std::vector<WorkItem>& items, double timeout, const std::function<bool()>& stop);

 private:
  void kill();
  pid_t pid_ = -1;
  int socket_ = -1;
  nlohmann::json hello_;
};

}  // namespace fsfm::server
