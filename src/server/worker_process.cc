#include "server/worker_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "server/worker_main.h"
#include "tensorio/json.h"

extern char** environ;

namespace fsfm::server {
namespace {

constexpr double kStartSeconds = 180;  // a large model from a slow disk

Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

pid_t start(int socket) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, socket, kWorkerSocket);
  std::string program = "fsfm", command = kWorkerCommand;
  char* arguments[] = {program.data(), command.data(), nullptr};
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw Error(std::string("cannot start a worker: ") + std::strerror(code), "", code);
  return pid;
}

}  // namespace

WorkerProcess::WorkerProcess(const nlohmann::json& settings) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error(std::string("cannot start a worker: ") + std::strerror(errno), "", errno);
  socket_ = ends[0];
  // dup2 onto itself would keep close-on-exec.
  int theirs = ends[1];
  if (theirs == kWorkerSocket) {
    theirs = ::fcntl(ends[1], F_DUPFD_CLOEXEC, kWorkerSocket + 1);
    ::close(ends[1]);
  }
  try {
    pid_ = start(theirs);
    ::close(theirs);
    theirs = -1;
    send_packet(socket_, Message::settings, json_text(settings), {}, after(kStartSeconds));
    const auto answer = receive_packet(socket_, after(kStartSeconds));
    if (!answer) throw Error("a worker died while it started", "see what it wrote above");
    if (answer->kind != Message::hello) throw Error(answer->payload);
    hello_ = parse_json(answer->payload, "a worker's hello", "");
  } catch (...) {
    if (theirs >= 0) ::close(theirs);
    kill();
    throw;
  }
}

WorkerProcess::~WorkerProcess() { kill(); }

void WorkerProcess::kill() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (socket_ >= 0) ::close(socket_);
  pid_ = socket_ = -1;
}

bool WorkerProcess::waits() const {
  pollfd look{socket_, POLLIN, 0};
  return socket_ >= 0 && ::poll(&look, 1, 0) == 0;
}

WorkerProcess::Outcome WorkerProcess::run(std::vector<WorkItem>& items, double timeout,
                                          const std::function<bool()>& stop) {
  const auto deadline = after(timeout);
  auto lost = [&](Outcome outcome) {
    kill();
    return outcome;
  };
  nlohmann::json list = nlohmann::json::array();
  std::vector<int> fds;
  for (const WorkItem& item : items) {
    list.push_back(item.task);
    list.back()["size"] = item.content->size();
    fds.push_back(item.content->fd());
  }
  bool asked_to_stop = false;
  try {
    send_packet(socket_, Message::batch, json_text(list), fds, deadline);
    for (;;) {
      const auto packet = receive_packet(socket_, deadline, [&] { return asked_to_stop = stop && stop(); });
      if (!packet) return lost(Outcome::died);
      for (const int fd : packet->fds) ::close(fd);  // ours sends none; another's would use ours up
      if (packet->kind == Message::done) return Outcome::done;
      const nlohmann::json answer = parse_json_or_discard(packet->payload);
      const size_t at = answer.is_object() ? answer.value("item", items.size()) : items.size();
      if (at >= items.size()) return lost(Outcome::died);  // not what our worker says: no longer ours
      items[at].on_packet(*packet, answer);
    }
  } catch (const Error&) {
    return lost(asked_to_stop ? Outcome::stopped : Clock::now() > deadline ? Outcome::too_slow : Outcome::died);
  } catch (const std::exception&) {  // an answer of another shape or size than our worker's
    return lost(Outcome::died);
  }
}

}  // namespace fsfm::server
