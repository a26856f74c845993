#include "server/service.h"

#include <spdlog/fmt/fmt.h>

#include "detect/verdict_json.h"
#include "server/problem.h"
#include "tensorio/json.h"

namespace fsfm::server {

Service::Service(const ServeOptions& wanted, Log to)
    : options(wanted),
      log(std::move(to)),
      database(std::make_shared<Database>(options.state / "serve.db")),
      tokens(database),
      audit(database),
      rate(options.rate),
      budget(std::make_shared<ContentBudget>(options.max_waiting_bytes)),
      scheduler(options, metrics, log) {
  metrics.declare_counter("fsfm_requests_total", "Requests by route and status");
  metrics.declare_histogram("fsfm_request_seconds", "Time of a request, from its headers to its answer");
  metrics.declare_counter("fsfm_audit_failures_total", "Rows of the audit trail that could not be written");
  metrics.declare_gauge("fsfm_upload_bytes_held", "Bytes of uploads in memory",
                        [this] { return static_cast<double>(budget->held.load()); });
  metrics.declare_gauge("fsfm_ready", "1 while requests are taken", [this] { return scheduler.ready() ? 1.0 : 0.0; });
}

std::shared_ptr<Task> Service::task_for(const Upload& upload, const std::string& op, int frames) const {
  if (frames < 1 || frames > options.max_frames)
    throw Problem(400, "bad-request", fmt::format("frames is {}; take 1 to {}", frames, options.max_frames));
  auto task = std::make_shared<Task>();
  const bool video = upload.video && op == "picture";
  if (upload.video && !video) throw Problem(415, "unsupported", "this is a video; send a picture");
  task->work = {{"op", video ? "video" : op}, {"name", upload.name}, {"frames", frames}};
  task->content = upload.content;
  task->timeout = video ? options.video_timeout : options.picture_timeout;
  return task;
}

nlohmann::json Service::document(const nlohmann::json& hello, nlohmann::json results) {
  nlohmann::json document = hello.at("header");
  document["results"] = std::move(results);
  return document;
}

nlohmann::json Service::entry_of(const Upload& upload, const Task& task) {
  return task.status == 0 ? task.result.at("entry") : error_entry(upload.name, task.problem);
}

void Service::record(const Upload& upload, const Task& task, const Caller& caller) {
  try {
    AuditRow row{.request_id = caller.request_id,
                 .token = caller.token,
                 .content_sha256 = upload.content->sha256(),
                 .model_sha256 = task.model.is_object() ? task.model.value("sha256", "") : "",
                 .kind = task.status == 0 ? task.result.value("kind", "") : "",
                 .verdict = task.status == 0 ? task.result.value("verdict", "") : "error"};
    if (task.status == 0) {
      if (task.result.at("score").is_number()) row.score = task.result["score"].get<double>();
      row.faces = task.result.value("faces", 0);
    }
    nlohmann::json entry = entry_of(upload, task);
    if (!options.keep_names) {
      entry["file"] = "";
      if (entry.contains("error")) entry["error"] = task.problem_type;  // messages name the file
    }
    row.result = json_text(entry);
    audit.add(std::move(row));
  } catch (const std::exception& error) {
    metrics.count("fsfm_audit_failures_total");
    log(std::string("the audit trail was not written: ") + error.what());
  }
}

}  // namespace fsfm::server
