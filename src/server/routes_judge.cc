// Verdicts, their reasons, features and masks: requests that are answered at once.
#include <spdlog/fmt/fmt.h>

#include <cerrno>
#include <cstdlib>

#include "server/jobs.h"
#include "server/problem.h"
#include "server/route.h"
#include "server/upload.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

constexpr int kDefaultFrames = 16;

int frames_of(const Call& call) {
  return static_cast<int>(integer_parameter(call, "frames", kDefaultFrames, 1, call.service.options.max_frames));
}

void detect(Call& call) {
  const int frames = frames_of(call);
  const std::vector<Upload> uploads = read_uploads(call, call.service.options.max_files);
  Service& service = call.service;
  std::vector<std::shared_ptr<Task>> tasks;
  try {
    for (const Upload& upload : uploads) {
      tasks.push_back(service.task_for(upload, "picture", frames));
      service.scheduler.submit(tasks.back());
    }
  } catch (...) {
    for (auto& task : tasks) service.scheduler.cancel(task);
    throw;
  }
  json results = json::array(), model;
  for (size_t i = 0; i < tasks.size(); ++i) {
    try {
      service.scheduler.wait(tasks[i], [&] { return !call.connection.alive(); });
    } catch (const Problem& problem) {
      if (problem.status() == 499) {
        for (auto& task : tasks) service.scheduler.cancel(task);
        throw;
      }
      service.record(uploads[i], *tasks[i], call.caller);
      if (tasks.size() == 1) throw;
      results.push_back(Service::entry_of(uploads[i], *tasks[i]));
      continue;
    }
    model = tasks[i]->model;
    service.record(uploads[i], *tasks[i], call.caller);
    results.push_back(Service::entry_of(uploads[i], *tasks[i]));
  }
  call.answer(Service::document(model.is_object() ? model : service.scheduler.model(), std::move(results)));
}

void explain(Call& call) {
  const int64_t face = integer_parameter(call, "face", -1, 0, call.service.options.max_faces - 1);
  const std::vector<Upload> uploads = read_uploads(call, 1);
  Service& service = call.service;
  const auto task = service.task_for(uploads[0], "explain", 1);
  task->work["face"] = face;
  service.scheduler.submit(task);
  try {
    service.scheduler.wait(task, [&] { return !call.connection.alive(); });
  } catch (const Problem& problem) {
    if (problem.status() != 499) service.record(uploads[0], *task, call.caller);
    throw;
  }
  service.record(uploads[0], *task, call.caller);
  call.answer(Service::document(task->model, json::array({Service::entry_of(uploads[0], *task)})));
}

json run(Call& call, const std::shared_ptr<Task>& task) {
  call.service.scheduler.submit(task);
  json answer = call.service.scheduler.wait(task, [&] { return !call.connection.alive(); });
  return answer.at("entry");
}

void embed(Call& call) {
  const std::vector<Upload> uploads = read_uploads(call, 1);
  const auto task = call.service.task_for(uploads[0], "embed", 1);
  json entry = run(call, task);
  call.answer({{"schema", "fsfm.embedding/1"},
               {"model", task->model.at("header").at("model")},
               {"model_sha256", task->model.at("sha256")},
               {"results", json::array({entry})}});
}

void masks(Call& call) {
  const double ratio = number_parameter(call, "ratio", 0.75, 0, 1);
  const int64_t seed = integer_parameter(call, "seed", 0, 0, INT64_MAX);
  const std::vector<Upload> uploads = read_uploads(call, 1);
  const auto task = call.service.task_for(uploads[0], "masks", 1);
  task->work["strategy"] = call.parameter("strategy", "crfr-p");
  task->work["region"] = call.parameter("region");
  task->work["ratio"] = ratio;
  task->work["seed"] = seed;
  json entry = run(call, task);
  entry["strategy"] = task->work["strategy"];
  entry["ratio"] = ratio;
  entry["seed"] = seed;
  entry["reconstruction_note"] =
      entry["reconstruction"].is_null()
          ? "Painting the hidden patches anew takes a foundation model with its decoder: fsfm serve --foundation FILE."
          : "The network sees the other patches only. Each hidden patch has its true mean colour and contrast; what is "
            "in it is the network's own, a picture and no evidence.";
  call.answer(entry);
}

}  // namespace

int64_t integer_parameter(const Call& call, const std::string& name, int64_t missing, int64_t low, int64_t high) {
  if (!call.request.has_param(name)) return missing;
  const std::string text = call.request.get_param_value(name);
  errno = 0;
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || errno != 0 || value < low || value > high)
    throw Problem(400, "bad-request", fmt::format("{} must be a whole number from {} to {}", name, low, high));
  return value;
}

double number_parameter(const Call& call, const std::string& name, double missing, double low, double high) {
  if (!call.request.has_param(name)) return missing;
  const std::string text = call.request.get_param_value(name);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= low && value <= high))
    throw Problem(400, "bad-request", fmt::format("{} must be a number from {} to {}", name, low, high));
  return value;
}

std::vector<Route> judge_routes() {
  const std::vector<int> upload_problems{400, 408, 413, 415, 422, 503};
  const Parameter name{"name", "string", "of the file, where the body is the file itself"};
  return {
      {"POST",
       "/v1/detect",
       Role::detect,
       "Judge pictures and short videos: one as the body, or several as multipart/form-data",
       {{"frames", "integer", "frames sampled from a video, 16 unless told"}, name},
       true,
       "VerdictDocument",
       upload_problems,
       detect},
      {"POST",
       "/v1/explain",
       Role::detect,
       "Judge a picture and say where in its faces the scores come from",
       {{"face", "integer", "its place in the list of faces that /v1/detect gives, from 0; all unless told"}, name},
       true,
       "VerdictDocument",
       {400, 408, 413, 415, 422, 501, 503},
       explain},
      {"POST",
       "/v1/embed",
       Role::detect,
       "Features of every face of a picture: the network's pooled output",
       {name},
       true,
       "Embedding",
       upload_problems,
       embed},
      {"POST",
       "/v1/masks",
       Role::detect,
       "What a masking strategy hides of the largest face",
       {{"strategy", "string", "random, fasking-i, frp, crfr-r or crfr-p (default)"},
        {"region", "string", "the region that crfr-r and crfr-p cover whole; drawn unless told"},
        {"ratio", "number", "share of the patches that is hidden, 0.75 unless told"},
        {"seed", "integer", "the same seed draws the same mask"},
        name},
       true,
       "Mask",
       {400, 408, 413, 415, 422, 501, 503},
       masks},
  };
}

}  // namespace fsfm::server
