#include "server/worker_main.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>
#include <opencv2/core.hpp>
#include <utility>

#include "base/error.h"
#include "server/problem.h"
#include "server/sandbox.h"
#include "server/worker_channel.h"
#include "server/worker_tasks.h"
#include "tensorio/json.h"

namespace fsfm::server {
namespace {

using nlohmann::json;

json problem_of(const std::exception_ptr& failure) {
  auto answer = [](int status, const char* type, const std::string& detail) {
    return json{{"status", status}, {"type", type}, {"detail", detail}};
  };
  const char* const kMemory = "the file needs more memory than a request may use; send a smaller one";
  try {
    std::rethrow_exception(failure);
  } catch (const Problem& problem) {
    return answer(problem.status(), problem.type().c_str(), problem.what());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::too_large) return answer(413, "too-large", error.what());
    if (error.code() == ErrorCode::unsupported) return answer(415, "unsupported", error.what());
    return answer(422, "unreadable", error.what());
  } catch (const std::bad_alloc&) {
    return answer(413, "too-much-memory", kMemory);
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) return answer(413, "too-much-memory", kMemory);
    return answer(500, "internal", "OpenCV: " + error.err);
  } catch (const std::exception& error) {
    return answer(500, "internal", error.what());
  }
}

// An upload's bytes, mapped; the descriptor is closed.
class Mapping {
 public:
  Mapping(int fd, size_t size) : size_(size) {
    if (size > 0) data_ = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    ::close(fd);
    if (size > 0 && data_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~Mapping() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  Mapping(Mapping&& other) noexcept : data_(other.data_), size_(std::exchange(other.size_, 0)) {}
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  size_t size_;
};

void run_batch(WorkerTasks& tasks, const Packet& packet) {
  const json list = parse_json(packet.payload, "a batch", "");
  std::vector<Mapping> contents;
  std::vector<TaskInput> inputs;
  contents.reserve(packet.fds.size());
  for (size_t i = 0; i < list.size() && i < packet.fds.size(); ++i) {
    contents.emplace_back(packet.fds[i], list[i].at("size").get<size_t>());
    inputs.push_back({list[i], contents.back().bytes()});
  }
  tasks.run(
      inputs,
      [](size_t item, const json* done, std::exception_ptr failure) {
        json answer = failure ? problem_of(failure) : *done;
        answer["item"] = item;
        send_packet(kWorkerSocket, failure ? Message::problem : Message::result, json_text(answer));
      },
      [](size_t item, int64_t done, int64_t of) {
        send_packet(kWorkerSocket, Message::progress, json_text({{"item", item}, {"done", done}, {"of", of}}));
      });
  send_packet(kWorkerSocket, Message::done, "");
}

}  // namespace

int run_worker() {
  // What the service had open when it started this process (other clients' connections) is none of its business.
  ::syscall(SYS_close_range, kWorkerSocket + 1, ~0u, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto settings = receive_packet(kWorkerSocket);
  if (!settings || settings->kind != Message::settings) return 2;
  std::unique_ptr<WorkerTasks> tasks;
  try {
    const json wanted = parse_json(settings->payload, "the settings of a worker", "");
    tasks = std::make_unique<WorkerTasks>(wanted);
    enter_sandbox(wanted.at("memory_mb").get<int64_t>());
    send_packet(kWorkerSocket, Message::hello, json_text(tasks->hello()));
  } catch (const std::exception& error) {
    send_packet(kWorkerSocket, Message::refused, error.what());
    return 2;
  }
  while (const auto packet = receive_packet(kWorkerSocket)) {
    if (packet->kind != Message::batch) return 2;
    run_batch(*tasks, *packet);
  }
  return 0;
}

}  // namespace fsfm::server
