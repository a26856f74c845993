// Jobs: submit, watch, read, cancel.
#include "server/jobs.h"
#include "server/problem.h"
#include "server/route.h"
#include "server/upload.h"
#include "tensorio/json.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

void submit(Call& call) {
  const int frames = static_cast<int>(integer_parameter(call, "frames", 32, 1, call.service.options.max_frames));
  std::vector<Upload> uploads = read_uploads(call, call.service.options.max_files);
  const std::string id = call.jobs.submit(std::move(uploads), frames, call.caller);
  call.response.set_header("Location", "/v1/jobs/" + id);
  call.answer(call.jobs.status(id, call.caller), 202);
}

// Server-sent events: "progress" as often as something changes, a comment every second, "end" when it is over.
void events(Call& call) {
  const std::string id = call.path_part(0);
  call.jobs.status(id, call.caller);  // throws 404 while a status can still be sent
  call.response.set_header("X-Accel-Buffering", "no");
  call.response.set_chunked_content_provider(
      "text/event-stream", [&jobs = call.jobs, &service = call.service, id, caller = call.caller,
                            version = int64_t{-1}](size_t, httplib::DataSink& sink) mutable {
        std::string text = ": still here\n\n";
        bool over = false;
        try {
          const json status = jobs.next_status(id, caller, version);
          const std::string state = status.at("state");
          over = state == "done" || state == "cancelled";
          if (status.at("version") != version)
            text = "event: " + std::string(over ? "end" : "progress") + "\ndata: " + json_text(status) + "\n\n";
          version = status.at("version").get<int64_t>();
        } catch (const Problem&) {  // forgotten meanwhile
          over = true;
        }
        if (!sink.write(text.data(), text.size())) return false;
        if (over || service.draining) sink.done();
        return true;
      });
}

}  // namespace

std::vector<Route> job_routes() {
  return {
      {"POST",
       "/v1/jobs",
       Role::detect,
       "Judge long videos and batches in the background",
       {{"frames", "integer", "frames sampled from a video, 32 unless told"},
        {"name", "string", "of the file, where the body is the file itself"}},
       true,
       "Job",
       {400, 408, 413, 415, 503},
       submit,
       202},
      {"GET",
       "/v1/jobs",
       Role::detect,
       "The jobs of this token",
       {},
       false,
       "Jobs",
       {},
       [](Call& call) {
         call.answer({{"jobs", call.jobs.list(call.caller)}});
       }},
      {"GET",
       "/v1/jobs/{id}",
       Role::detect,
       "How far a job is",
       {},
       false,
       "Job",
       {404},
       [](Call& call) { call.answer(call.jobs.status(call.path_part(0), call.caller)); }},
      {"GET",
       "/v1/jobs/{id}/events",
       Role::detect,
       "Its progress as server-sent events",
       {},
       false,
       "text/event-stream",
       {404},
       events},
      {"GET",
       "/v1/jobs/{id}/result",
       Role::detect,
       "Its verdicts, once it is done",
       {},
       false,
       "VerdictDocument",
       {404, 409},
       [](Call& call) { call.answer(call.jobs.result(call.path_part(0), call.caller)); }},
      {"DELETE",
       "/v1/jobs/{id}",
       Role::detect,
       "Cancel it",
       {},
       false,
       "Job",
       {404},
       [](Call& call) {
         call.jobs.cancel(call.path_part(0), call.caller);
         call.answer(call.jobs.status(call.path_part(0), call.caller));
       }},
  };
}

}  // namespace fsfm::server
