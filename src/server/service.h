// All that the routes share: the workers, who may ask, what is kept and counted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "server/audit.h"
#include "server/metrics.h"
#include "server/rate_limit.h"
#include "server/read_deadlines.h"
#include "server/scheduler.h"
#include "server/serve_options.h"
#include "server/tokens.h"

namespace fsfm::server {

struct Upload {
  std::string name;
  std::shared_ptr<Content> content;
  bool video = false;
};

// On whose behalf something is judged.
struct Caller {
  std::string request_id;
  std::string token;  // its name; "" = nobody's, on loopback
};

// Thread-safe.
class Service {
 public:
  using Log = std::function<void(const std::string&)>;
  // Throws Error: the state folder, the model.
  Service(const ServeOptions& options, Log log);

  // A task for `upload`; `op` of a picture is changed to "video" for a video. Throws Problem when frames are too many.
  std::shared_ptr<Task> task_for(const Upload& upload, const std::string& op, int frames) const;
  // Writes the audit row of a judged or failed task. Never throws: a verdict is not lost to a full disk, the log says
  // so.
  void record(const Upload& upload, const Task& task, const Caller& caller);
  // {header..., "results": entries}, as fsfm detect --json.
  static nlohmann::json document(const nlohmann::json& hello, nlohmann::json results);
  // The entry of a task that is finished: its verdict, or its error.
  static nlohmann::json entry_of(const Upload& upload, const Task& task);

  const ServeOptions options;
  const Log log;
  Metrics metrics;
  const std::shared_ptr<Database> database;
  TokenStore tokens;
  AuditTrail audit;
  RateLimit rate;
  ReadDeadlines deadlines;
  const std::shared_ptr<ContentBudget> budget;
  Scheduler scheduler;
  std::atomic<bool> draining{false};
};

}  // namespace fsfm::server
