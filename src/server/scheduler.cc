#include "server/scheduler.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "detect/verdict.h"
#include "server/problem.h"

namespace fsfm::server {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr const char* kNoWorker = "no worker is up; ask another server, or later";
constexpr std::array kStages{"decode", "find", "judge", "explain"};

// What a worker says is believed only in the shape our own code gives it: a file that took it over may say anything.
// Throws Error.
void require_result(const nlohmann::json& answer) {
  const auto is = [&](const char* key, auto&& good) { return !answer.contains(key) || good(answer[key]); };
  const bool good =
      answer.contains("entry") && answer["entry"].is_object() &&
      is("times",
         [](const auto& times) {
           return times.is_object() && std::all_of(times.items().begin(), times.items().end(), [](const auto& item) {
                    return item.value().is_number() &&
                           std::find(kStages.begin(), kStages.end(), item.key()) != kStages.end();
                  });
         }) &&
      is("verdict",
         [](const auto& verdict) {
           return verdict == "no_face" || verdict == verdict_name(VerdictKind::real) ||
                  verdict == verdict_name(VerdictKind::inconclusive) || verdict == verdict_name(VerdictKind::attack);
         }) &&
      is("kind", [](const auto& kind) { return kind == "picture" || kind == "video"; }) &&
      is("score", [](const auto& score) { return score.is_number() || score.is_null(); }) &&
      is("faces", [](const auto& faces) { return faces.is_number_unsigned(); });
  if (!good) throw Error("a worker's answer is none of ours");
}

}  // namespace

Scheduler::Scheduler(const ServeOptions& options, Metrics& metrics, Log log)
    : options_(options), metrics_(metrics), log_(std::move(log)) {
  metrics_.declare_gauge("fsfm_queue_depth", "Uploads that wait for a worker", [this] { return double(depth()); });
  metrics_.declare_gauge("fsfm_workers_busy", "Workers at work", [this] { return double(busy()); });
  metrics_.declare_counter("fsfm_worker_restarts_total", "Workers replaced after a crash or a hang");
  metrics_.declare_histogram("fsfm_queue_wait_seconds", "Time an upload waited for a worker");
  for (const char* stage : kStages)
    metrics_.declare_histogram(fmt::format("fsfm_{}_seconds", stage),
                               fmt::format("Time of the stage '{}' of an upload", stage));
  metrics_.declare_counter("fsfm_faces_total", "Faces judged");
  metrics_.declare_counter("fsfm_verdicts_total", "Uploads by verdict");
  metrics_.declare_counter("fsfm_batches_total", "Batches handed to workers");
  const int n = thread_count(options.workers);
  for (int i = 0; i < n; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->process = std::make_unique<WorkerProcess>(worker_settings());
    slot->pid = slot->process->pid();
    slots_.push_back(std::move(slot));
  }
  model_ = slots_.front()->process->hello();
  alive_ = n;
  for (auto& slot : slots_) slot->thread = std::thread([this, &slot = *slot] { serve(slot); });
}

Scheduler::~Scheduler() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = draining_ = true;
    for (auto* queue : {&queue_, &background_})
      for (auto& task : *queue) task->cancelled = true;
  }
  work_.notify_all();
  for (auto& slot : slots_)
    if (slot->thread.joinable()) slot->thread.join();
}

nlohmann::json Scheduler::worker_settings() const {
  const int n = thread_count(options_.workers);
  return {{"model", options_.model.string()},
          {"face_detector", options_.face_detector},
          {"min_face", options_.min_face},
          {"foundation", options_.foundation.string()},
          {"threads", std::max(1, thread_count(0) / n)},
          {"max_pixels", options_.max_pixels},
          {"max_faces", options_.max_faces},
          {"max_video_seconds", options_.max_video_seconds},
          {"memory_mb", options_.worker_memory_mb}};
}

int Scheduler::retry_after() const {
  const double waiting = static_cast<double>(queue_.size() + 1) * mean_seconds_ / static_cast<double>(slots_.size());
  return std::clamp(static_cast<int>(std::ceil(waiting)), 1, 600);
}

void Scheduler::submit(const std::shared_ptr<Task>& task) {
  {
    std::lock_guard lock(mutex_);
    if (draining_) throw Problem(503, "draining", "the server is being stopped; ask another, or later", 5);
    if (alive_ == 0 && failing_) throw Problem(503, "no-worker", kNoWorker, 10);
    if (!task->background && queue_.size() >= static_cast<size_t>(options_.queue))
      throw Problem(429, "queue-full", fmt::format("{} uploads wait already; come back later", queue_.size()),
                    retry_after());
    task->submitted = Clock::now();
    (task->background ? background_ : queue_).push_back(task);
  }
  work_.notify_one();
}

const nlohmann::json& Scheduler::wait(const std::shared_ptr<Task>& task, const std::function<bool()>& gone) {
  std::unique_lock lock(mutex_);
  while (!done_.wait_for(lock, kTick, [&] { return task->finished; })) {
    lock.unlock();
    const bool left = gone && gone();
    lock.lock();
    if (left && !task->finished) {
      task->cancelled = true;
      throw Problem(499, "client-left", "the client left before the answer");
    }
  }
  if (task->status != 0) throw Problem(task->status, task->problem_type, task->problem);
  return task->result;
}

void Scheduler::cancel(const std::shared_ptr<Task>& task) {
  std::lock_guard lock(mutex_);
  task->cancelled = true;
}

void Scheduler::finish(const std::shared_ptr<Task>& task, int status, const std::string& type,
                       const std::string& problem) {
  {
    std::lock_guard lock(mutex_);
    if (task->finished) return;
    task->finished = true;
    task->status = status;
    task->problem_type = type;
    task->problem = problem;
  }
  done_.notify_all();
}

void Scheduler::drop(const std::shared_ptr<Task>& task) {
  bool drained = false;
  {
    std::lock_guard lock(mutex_);
    drained = drained_;
  }
  if (drained)
    finish(task, 503, "draining", "the server was stopped before this was judged; ask another");
  else
    finish(task, 499, "client-left", "dropped before it was judged");
}

// The next uploads for one worker: half its share of the pictures that wait, busy workers counted too. Pictures that go
// together are answered together, and save only a few hundredths of the work: while few wait, each goes alone.
std::vector<std::shared_ptr<Task>> Scheduler::take() {
  std::vector<std::shared_ptr<Task>> batch;
  std::unique_lock lock(mutex_);
  ++waiting_workers_;
  work_.wait(lock, [&] { return stopping_ || !queue_.empty() || !background_.empty(); });
  auto pop = [&](std::deque<std::shared_ptr<Task>>& queue) {
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  };
  auto joins = [](const Task& task) { return task.work.at("op") == "picture" && !task.alone; };
  auto& source = queue_.empty() ? background_ : queue_;
  if (!source.empty()) pop(source);
  const auto most = std::min<size_t>(static_cast<size_t>(options_.batch), kMostBatch);
  if (!batch.empty() && joins(*batch.front()) && !batch.front()->background && most > 1) {
    // Others that come within a moment go along: their faces cost the network less together.
    if (options_.batch_wait_ms > 0 && waiting_workers_ == 1 && queue_.empty())
      work_.wait_for(lock, std::chrono::milliseconds(options_.batch_wait_ms), [&] { return !queue_.empty(); });
    const auto workers = static_cast<size_t>(std::max(1, alive_));
    const size_t share = (queue_.size() + 1) / (2 * workers);
    while (batch.size() < std::min(most, share) && !queue_.empty() && joins(*queue_.front())) pop(queue_);
  }
  --waiting_workers_;
  if (!batch.empty()) ++busy_;
  return batch;
}

void Scheduler::serve(Slot& slot) {
  for (;;) {
    std::vector<std::shared_ptr<Task>> batch = take();
    std::vector<std::shared_ptr<Task>> wanted;
    {
      std::lock_guard lock(mutex_);
      if (slot.next) {
        slot.process = std::move(slot.next);
        slot.pid = slot.process->pid();
      }
      for (auto& task : batch)
        if (!task->cancelled) wanted.push_back(task);
      if (batch.empty() && stopping_) return;
    }
    for (auto& task : batch)
      if (std::find(wanted.begin(), wanted.end(), task) == wanted.end()) drop(task);
    if (!wanted.empty()) judge(slot, std::move(wanted));
    std::lock_guard lock(mutex_);
    if (!batch.empty()) --busy_;
  }
}

void Scheduler::judge(Slot& slot, std::vector<std::shared_ptr<Task>> batch) {
  if (!slot.process->waits()) {  // it ended while idle: no fault of these uploads
    metrics_.count("fsfm_worker_restarts_total");
    log_(fmt::format("worker {} ended while it was idle: replaced", slot.pid));
    {
      std::lock_guard lock(mutex_);
      for (auto task = batch.rbegin(); task != batch.rend(); ++task)
        ((*task)->background ? background_ : queue_).push_front(*task);
    }
    work_.notify_one();
    return restart(slot);
  }
  const auto start = Clock::now();
  double timeout = 0;
  std::vector<WorkItem> items;
  for (auto& task : batch) {
    metrics_.observe("fsfm_queue_wait_seconds", std::chrono::duration<double>(start - task->submitted).count());
    timeout += task->timeout;
    items.push_back({task->work, task->content.get(), [&](const Packet& packet, const nlohmann::json& answer) {
                       if (packet.kind == Message::progress) {
                         if (task->progress) task->progress(answer.value("done", 0), answer.value("of", 0));
                       } else if (packet.kind == Message::result) {
                         require_result(answer);
                         {
                           std::lock_guard lock(mutex_);
                           if (task->finished) return;  // a second answer
                           task->result = answer;
                           task->model = slot.process->hello();
                         }
                         if (answer.contains("times"))
                           for (const auto& [stage, seconds] : answer["times"].items())
                             metrics_.observe("fsfm_" + stage + "_seconds", seconds.get<double>());
                         if (answer.contains("verdict")) {
                           metrics_.count("fsfm_faces_total", "", answer.value("faces", 0));
                           metrics_.count("fsfm_verdicts_total",
                                          fmt::format("verdict=\"{}\"", answer["verdict"].get<std::string>()));
                         }
                         finish(task, 0, "", "");
                       } else {
                         finish(task, std::clamp(answer.value("status", 500), 400, 599),
                                answer.value("type", "internal"), answer.value("detail", ""));
                       }
                     }});
  }
  metrics_.count("fsfm_batches_total");
  const auto outcome = slot.process->run(items, timeout, [&] {
    std::lock_guard lock(mutex_);
    // Once every item is answered the worker is about to say so: it is not stopped then.
    return std::any_of(batch.begin(), batch.end(), [](const auto& task) { return !task->finished; }) &&
           (drained_ || std::all_of(batch.begin(), batch.end(),
                                    [](const auto& task) { return task->cancelled || task->finished; }));
  });
  {
    std::lock_guard lock(mutex_);
    mean_seconds_ += 0.1 * (seconds_since(start) / static_cast<double>(batch.size()) - mean_seconds_);
  }
  if (outcome == WorkerProcess::Outcome::done) {  // an item that was passed over has no verdict
    for (auto& task : batch)
      finish(task, 422, "worker-died", "the process that looked at this file gave no answer; the file is hostile");
    return;
  }
  if (outcome != WorkerProcess::Outcome::stopped) {
    metrics_.count("fsfm_worker_restarts_total");
    log_(fmt::format("worker {} {}: replaced", slot.pid,
                     outcome == WorkerProcess::Outcome::died ? "died" : "took too long"));
  }
  for (auto& task : batch) {
    bool again = false;
    {
      std::lock_guard lock(mutex_);
      // One of several brought the worker down: each is tried by itself, so that only that one is lost.
      again = !task->finished && !task->cancelled && !drained_ && batch.size() > 1;
      if (again) {
        task->alone = true;
        queue_.push_front(task);
      }
    }
    if (again)
      work_.notify_one();
    else if (outcome == WorkerProcess::Outcome::too_slow)
      finish(task, 422, "too-slow",
             fmt::format("judging took longer than {:.0f} seconds; send a smaller file", task->timeout));
    else if (outcome == WorkerProcess::Outcome::stopped)
      drop(task);
    else
      finish(task, 422, "worker-died", "the process that looked at this file died; the file is damaged or hostile");
  }
  restart(slot);
}

void Scheduler::restart(Slot& slot) {
  {
    std::lock_guard lock(mutex_);
    --alive_;
  }
  auto take_over = [&](std::unique_ptr<WorkerProcess>& process) {  // with the lock held
    slot.process = std::move(process);
    slot.pid = slot.process->pid();
    ++alive_;
    failing_ = false;
  };
  for (int tries = 0;; ++tries) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_ || drained_) return;
      if (slot.next) return take_over(slot.next);
    }
    try {
      auto process = std::make_unique<WorkerProcess>(worker_settings());
      std::lock_guard lock(mutex_);
      // Verdicts of two models under one name would be worse than none.
      if (process->hello().at("sha256") != model_.at("sha256"))
        throw Error("the model's file is not the one that was loaded", "load it with SIGHUP or POST /v1/models/reload");
      return take_over(process);
    } catch (const std::exception& error) {
      log_(std::string("a worker does not start: ") + error.what());
    }
    std::deque<std::shared_ptr<Task>> waiting;
    {
      std::lock_guard lock(mutex_);
      failing_ = true;
      if (alive_ == 0) waiting.swap(queue_);
    }
    for (auto& task : waiting) finish(task, 503, "no-worker", kNoWorker);
    std::unique_lock lock(mutex_);
    work_.wait_for(lock, std::chrono::seconds(std::min(1 << std::min(tries, 5), 30)),
                   [&] { return stopping_ || slot.next; });
  }
}

void Scheduler::reload() {
  std::lock_guard one(reloading_);
  std::vector<std::unique_ptr<WorkerProcess>> fresh;
  for (size_t i = 0; i < slots_.size(); ++i) fresh.push_back(std::make_unique<WorkerProcess>(worker_settings()));
  std::lock_guard lock(mutex_);
  model_ = fresh.front()->hello();
  for (size_t i = 0; i < slots_.size(); ++i) slots_[i]->next = std::move(fresh[i]);
  work_.notify_all();
}

void Scheduler::drain(double seconds) {
  const auto start = Clock::now();
  std::unique_lock lock(mutex_);
  draining_ = true;
  auto idle = [&] { return queue_.empty() && background_.empty() && busy_ == 0; };
  while (!idle()) {
    if (seconds_since(start) > seconds) {
      for (auto* queue : {&queue_, &background_})
        for (auto& task : *queue) task->cancelled = true;
      drained_ = true;  // those at work are dropped, too
    }
    done_.wait_for(lock, kTick);
  }
}

bool Scheduler::ready() const {
  std::lock_guard lock(mutex_);
  return alive_ > 0 && !draining_;
}
size_t Scheduler::depth() const {
  std::lock_guard lock(mutex_);
  return queue_.size() + background_.size();
}
int Scheduler::busy() const {
  std::lock_guard lock(mutex_);
  return busy_;
}
nlohmann::json Scheduler::model() const {
  std::lock_guard lock(mutex_);
  return model_;
}
std::vector<int> Scheduler::worker_pids() const {
  std::lock_guard lock(mutex_);
  std::vector<int> pids;
  for (const auto& slot : slots_) pids.push_back(slot->pid);
  return pids;
}

}  // namespace fsfm::server
