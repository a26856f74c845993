#include "server/jobs.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "server/problem.h"
#include "server/random_id.h"

namespace fsfm::server {
namespace {

constexpr size_t kMostWaiting = 64, kMostKept = 256;
constexpr size_t kMostOfOne = kMostWaiting / 4;  // waiting or at work, of one token
constexpr double kKeptSeconds = 3600;

}  // namespace

struct Jobs::Job {
  std::string id;
  Caller caller;
  int frames = 0;
  std::vector<Upload> uploads;  // emptied one by one
  const char* state = "queued";
  bool cancelled = false;
  size_t done = 0, of = 0;
  int64_t frames_done = 0, frames_of = 0, version = 0;
  nlohmann::json results = nlohmann::json::array(), model{};
  std::shared_ptr<Task> at_work;
  Clock::time_point ended{};
};

Jobs::Jobs(Service& service) : service_(service) {
  service_.metrics.declare_gauge("fsfm_jobs_waiting", "Jobs that have not begun", [this] {
    std::lock_guard lock(mutex_);
    return static_cast<double>(queue_.size());
  });
  for (int i = 0; i < service.scheduler.workers(); ++i) threads_.emplace_back([this] { work(); });
}

Jobs::~Jobs() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [id, job] : jobs_) job->cancelled = true;
  }
  work_.notify_all();
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

std::string Jobs::submit(std::vector<Upload> uploads, int frames, const Caller& caller) {
  for (const Upload& upload : uploads) service_.task_for(upload, "picture", frames);  // throws for bad settings
  auto job = std::make_shared<Job>();
  job->id = random_id();
  job->caller = caller;
  job->frames = frames;
  job->of = uploads.size();
  job->uploads = std::move(uploads);
  {
    std::lock_guard lock(mutex_);
    forget_old();
    const auto of_token = std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
      return entry.second->caller.token == caller.token && entry.second->ended == Clock::time_point();
    });
    if (!caller.token.empty() && static_cast<size_t>(of_token) >= kMostOfOne)
      throw Problem(429, "queue-full", fmt::format("{} jobs of this token are not done; come back later", of_token),
                    10);
    if (queue_.size() >= kMostWaiting || jobs_.size() >= kMostKept)
      throw Problem(429, "queue-full", fmt::format("{} jobs wait already; come back later", queue_.size()), 10);
    jobs_[job->id] = job;
    queue_.push_back(job);
  }
  work_.notify_one();
  return job->id;
}

// With the lock held.
void Jobs::forget_old() {
  std::erase_if(jobs_, [](const auto& entry) {
    const Job& job = *entry.second;
    return job.ended != Clock::time_point() && seconds_since(job.ended) > kKeptSeconds;
  });
  while (jobs_.size() >= kMostKept) {
    auto oldest = jobs_.end();
    for (auto at = jobs_.begin(); at != jobs_.end(); ++at)
      if (at->second->ended != Clock::time_point() &&
          (oldest == jobs_.end() || at->second->ended < oldest->second->ended))
        oldest = at;
    if (oldest == jobs_.end()) return;
    jobs_.erase(oldest);
  }
}

std::shared_ptr<Jobs::Job> Jobs::find(const std::string& id, const Caller& caller) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second->caller.token != caller.token)
    throw Problem(404, "no-such-job", "there is no job of this id; it may be over for longer than an hour");
  return found->second;
}

nlohmann::json Jobs::describe(const Job& job) const {
  return {{"id", job.id},
          {"state", job.state},
          {"done", job.done},
          {"of", job.of},
          {"frames_done", job.frames_done},
          {"frames_of", job.frames_of},
          {"version", job.version}};
}

nlohmann::json Jobs::status(const std::string& id, const Caller& caller) {
  std::lock_guard lock(mutex_);
  return describe(*find(id, caller));
}

nlohmann::json Jobs::next_status(const std::string& id, const Caller& caller, int64_t version) {
  std::unique_lock lock(mutex_);
  const auto job = find(id, caller);
  changed_.wait_for(lock, std::chrono::seconds(1), [&] { return stopping_ || job->version != version; });
  return describe(*job);
}

nlohmann::json Jobs::result(const std::string& id, const Caller& caller) {
  std::lock_guard lock(mutex_);
  const auto job = find(id, caller);
  if (job->ended == Clock::time_point()) throw Problem(409, "not-done", "the job is not done; see its events");
  return Service::document(job->model.is_object() ? job->model : service_.scheduler.model(), job->results);
}

void Jobs::cancel(const std::string& id, const Caller& caller) {
  std::lock_guard lock(mutex_);
  const auto job = find(id, caller);
  job->cancelled = true;
  if (job->at_work) service_.scheduler.cancel(job->at_work);
}

nlohmann::json Jobs::list(const Caller& caller) {
  std::lock_guard lock(mutex_);
  nlohmann::json jobs = nlohmann::json::array();
  for (const auto& [id, job] : jobs_)
    if (job->caller.token == caller.token) jobs.push_back(describe(*job));
  return jobs;
}

void Jobs::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
      job->state = "running";
      ++job->version;
    }
    changed_.notify_all();
    run(*job);
    {
      std::lock_guard lock(mutex_);
      job->state = job->cancelled && job->done < job->of ? "cancelled" : "done";
      job->uploads.clear();
      job->ended = Clock::now();
      ++job->version;
    }
    changed_.notify_all();
  }
}

void Jobs::run(Job& job) {
  for (size_t i = 0; i < job.of; ++i) {
    Upload upload = std::move(job.uploads[i]);
    auto task = service_.task_for(upload, "picture", job.frames);
    task->background = true;
    task->progress = [&](int64_t done, int64_t of) {
      {
        std::lock_guard lock(mutex_);
        job.frames_done = done;
        job.frames_of = of;
        ++job.version;
      }
      changed_.notify_all();
    };
    {
      std::lock_guard lock(mutex_);
      if (job.cancelled) return;
      job.at_work = task;
    }
    try {
      service_.scheduler.submit(task);
      service_.scheduler.wait(task, [&] {
        std::lock_guard lock(mutex_);
        return job.cancelled;
      });
    } catch (const Problem& problem) {
      if (problem.status() == 499) return;
      task->status = problem.status();
      task->problem = problem.what();
    }
    service_.record(upload, *task, job.caller);
    {
      std::lock_guard lock(mutex_);
      job.results.push_back(Service::entry_of(upload, *task));
      if (task->model.is_object()) job.model = task->model;
      job.at_work.reset();
      ++job.done;
      job.frames_done = job.frames_of = 0;
      ++job.version;
    }
    changed_.notify_all();
  }
}

}  // namespace fsfm::server
