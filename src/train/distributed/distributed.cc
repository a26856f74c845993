#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO  // the header hides its class without it; Debian's CMake package does not pass it on
#endif
#include "train/distributed/distributed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spdlog/fmt/fmt.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <type_traits>
#include <utility>
#ifdef USE_C10D_NCCL  // set by cmake/FsfmDependencies.cmake
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "base/error.h"
#include "base/text.h"

namespace fsfm {
namespace {

// Rank 0 evaluates alone while the others wait, on a large set for hours. A process that dies closes its sockets and is
// noticed at once, whatever stands here.
constexpr auto kExchangeTimeout = std::chrono::hours(24);

constexpr double kMeetingSeconds = 300;
constexpr auto kStorePatience = std::chrono::minutes(1);
constexpr int kLostContactExit = 3;  // between a child and its parent only
constexpr int kMostProcesses = 1'000'000;

std::optional<int> number(const char* name, int low, int high) {
  const char* text = std::getenv(name);
  if (!text || !*text) return std::nullopt;
  const std::string_view view(text);
  int value = 0;
  const auto [end, code] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (code != std::errc() || end != view.data() + view.size() || value < low || value > high)
    throw Error(
        fmt::format("environment variable {}={} is no whole number from {} to {}", name, to_utf8(text), low, high),
        "set it right or unset it, or start through the launcher");
  return value;
}

std::string text_of(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

// Another process failed first: its own message, if it had one, is the one to read.
class LostContact : public Error {
 public:
  using Error::Error;
};

Error port_in_use(uint16_t port) {
  return Error(fmt::format("port {} is in use", port), "set MASTER_PORT to a free one, the same for all processes");
}

// 0 when this address can be listened at, else the errno of what failed.
template <class Address>
int errno_of_listening(const Address& address) {
  const int fd = ::socket(reinterpret_cast<const sockaddr&>(address).sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes,
               sizeof yes);  // as the store does: the last run's port is free at once
  if constexpr (std::is_same_v<Address, sockaddr_in6>) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  const bool good =
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(fd, 1) == 0;
  const int code = good ? 0 : errno;
  ::close(fd);
  return code;
}

// The store of c10d says what goes wrong with a port in many lines of its own, and takes the other family of addresses
// when one is taken: then the processes may meet a stranger. So the port is tried first.
void check_port(uint16_t port) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  for (const int code : {errno_of_listening(four), errno_of_listening(six)}) {
    if (code == EADDRINUSE) throw port_in_use(port);
    if (code == EACCES) throw Error(fmt::format("port {} is not for users", port), "set MASTER_PORT to 1024 or more");
  }
}

// Until somebody listens at the address (the store would say on stderr that nobody does yet), the time is over or the
// user stops.
void wait_for_listener(const std::string& host, uint16_t port, std::chrono::steady_clock::time_point end,
                       const std::stop_token& stop) {
  while (std::chrono::steady_clock::now() < end) {
    if (stop.stop_requested()) throw Error("interrupted before the processes had met");
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) == 0) {
      bool answers = false;
      for (const addrinfo* at = found; at && !answers; at = at->ai_next) {
        const int fd = ::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        const timeval patience{2, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // holds for connect() too
        answers = ::connect(fd, at->ai_addr, at->ai_addrlen) == 0;
        ::close(fd);
      }
      ::freeaddrinfo(found);
      if (answers) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw Error(fmt::format("the first process does not answer at {}:{}", host, port),
              "start it, or check MASTER_ADDR and MASTER_PORT");
}

// Until all have come to the store. Gloo would wait inside its own calls, for as long as an exchange may take and deaf
// to signals.
void wait_for_all(c10d::TCPStore& store, const ProcessPlace& place, uint16_t port,
                  std::chrono::steady_clock::time_point end, const std::stop_token& stop) {
  constexpr const char* kCome = "fsfm/come";
  for (int64_t come = store.add(kCome, 1); come < place.world_size; come = store.add(kCome, 0)) {
    if (stop.stop_requested()) throw Error("interrupted before the processes had met");
    if (std::chrono::steady_clock::now() >= end)
      throw Error(
          fmt::format("only {} of {} processes came to {}:{} in time", come, place.world_size, place.master, port),
          "start the others with the same MASTER_ADDR and MASTER_PORT, or check what ended them");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// How the first of the processes of --nproc tells the others at which port it listens.
class PortPipe {
 public:
  PortPipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw Error(std::string("cannot make a pipe between the processes: ") + std::strerror(errno),
                  "close some programs");
  }
  ~PortPipe() { close_all(); }
  PortPipe(const PortPipe&) = delete;
  PortPipe& operator=(const PortPipe&) = delete;

  void send(uint16_t port, int times) {
    const std::vector<uint16_t> copies(static_cast<size_t>(times), port);
    const size_t bytes = copies.size() * sizeof port;
    if (::write(ends_[1], copies.data(), bytes) != static_cast<ssize_t>(bytes))
      throw Error("cannot reach the other processes of --nproc", "start again");
    close_all();
  }
  uint16_t receive() {
    ::close(std::exchange(ends_[1], -1));  // so that the end of the first process is the end of the pipe
    uint16_t port = 0;
    const ssize_t bytes = ::read(ends_[0], &port, sizeof port);
    close_all();
    if (bytes != sizeof port) throw LostContact("the first process of --nproc is gone", "see its message");
    return port;
  }
  void close_all() {
    for (int& end : ends_)
      if (end >= 0) ::close(std::exchange(end, -1));
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// Gloo for tensors on the CPU; for those on CUDA devices NCCL where libtorch has it, else Gloo on a copy.
class ProcessCommunicator final : public Communicator {
 public:
  // With `ports`, the first process listens at a port that the kernel chooses and tells the others.
  ProcessCommunicator(const ProcessPlace& place, double timeout_seconds, PortPipe* ports, const std::stop_token& stop)
      : place_(place) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(static_cast<int64_t>(timeout_seconds * 1000));
    c10d::TCPStoreOptions store;
    store.port = place.port;
    store.isServer = place.rank == 0;
    store.numWorkers = place.world_size;
    store.waitWorkers = false;       // Gloo waits for all
    store.timeout = kStorePatience;  // for one question to it; how long we wait for the others is counted here
    if (store.isServer && !ports)
      check_port(place.port);
    else if (!store.isServer)
      wait_for_listener(place.master, ports ? store.port = ports->receive() : store.port, end, stop);
    guarded("meet the other processes", [&] {
      try {
        meeting_ = c10::make_intrusive<c10d::TCPStore>(place.master, store);
      } catch (const std::exception& error) {
        // Somebody was quicker than we were after the check.
        if (store.isServer && std::string_view(error.what()).find("listen") != std::string_view::npos)
          throw port_in_use(place.port);
        throw;
      }
      if (store.isServer && ports) ports->send(meeting_->getPort(), place.world_size - 1);
      wait_for_all(*meeting_, place, meeting_->getPort(), end, stop);
      auto options = c10d::ProcessGroupGloo::Options::create(kExchangeTimeout);
      const bool local = place.master == "127.0.0.1" || place.master == "localhost";
      options->devices.push_back(local ? c10d::ProcessGroupGloo::createDeviceForInterface("lo")
                                       : c10d::ProcessGroupGloo::createDefaultDevice());
      options->threads = 2;
      gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(meeting_, place.rank, place.world_size, options);
    });
  }

  int rank() const override { return place_.rank; }
  int size() const override { return place_.world_size; }
  int local_rank() const override { return place_.local_rank; }

  std::function<void()> begin_sum(torch::Tensor tensor) override {
#ifdef USE_C10D_NCCL
    if (tensor.is_cuda()) {
      // Made at the first use: a run on the CPU never asks for it. All ranks come here together.
      if (!nccl_)
        guarded("start NCCL", [&] {
          nccl_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", meeting_),
                                                              place_.rank, place_.world_size);
        });
      return begin_on(*nccl_, tensor);
    }
#endif
    if (tensor.is_cpu()) return begin_on(*gloo_, tensor);
    const auto host = tensor.to(torch::kCPU);
    return [tensor, host, wait = begin_on(*gloo_, host)]() mutable {
      wait();
      tensor.copy_(host);
    };
  }

  void broadcast(std::vector<torch::Tensor> tensors) override {
    torch::NoGradGuard no_grad;
    guarded("send the first weights", [&] {
      for (auto& tensor : tensors) {
        std::vector<torch::Tensor> host = {tensor.detach().to(torch::kCPU).contiguous()};
        gloo_->broadcast(host)->wait();
        tensor.detach().copy_(host.front());
      }
    });
  }

 private:
  template <class Group>
  std::function<void()> begin_on(Group& group, const torch::Tensor& tensor) {
    std::function<void()> wait;
    guarded("exchange numbers", [&] {
      std::vector<torch::Tensor> one = {tensor};
      wait = [work = group.allreduce(one)] { work->wait(); };
    });
    return [this, wait] { guarded("exchange numbers", wait); };
  }

  // The backends report a lost peer in many words; the user needs these.
  template <class Action>
  void guarded(const char* what, Action&& action) {
    try {
      action();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      const std::string first_line = split(error.what(), '\n').front();
      throw LostContact(
          fmt::format("process {} of {} lost contact with another one (could not {}: {})", place_.rank,
                      place_.world_size, what, first_line.substr(0, 160)),
          "see the messages of the other processes; start again with --resume to go on from the last checkpoint");
    }
  }

  ProcessPlace place_;
  c10::intrusive_ptr<c10d::TCPStore> meeting_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
#ifdef USE_C10D_NCCL
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl_;
#endif
};

}  // namespace

std::optional<ProcessPlace> place_from_environment() {
  struct Launcher {
    const char *rank, *size, *local_rank;
  };
  constexpr Launcher kLaunchers[] = {{"RANK", "WORLD_SIZE", "LOCAL_RANK"},
                                     {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
                                     {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
                                     {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"}};
  for (const auto& launcher : kLaunchers) {
    const auto rank = number(launcher.rank, 0, kMostProcesses - 1), size = number(launcher.size, 1, kMostProcesses);
    if (!size || *size == 1) continue;
    if (!rank)
      throw Error(fmt::format("{}={}, but {} is not set", launcher.size, *size, launcher.rank),
                  "start through the launcher, or unset it");
    ProcessPlace place;
    place.rank = *rank;
    place.world_size = *size;
    if (place.rank >= place.world_size)
      throw Error(fmt::format("{}={} is not below {}={}", launcher.rank, *rank, launcher.size, *size),
                  "start through the launcher");
    place.local_rank = number(launcher.local_rank, 0, *size - 1).value_or(0);
    const auto local_size = number("OMPI_COMM_WORLD_LOCAL_SIZE", 1, kMostProcesses);
    const bool one_machine = local_size == size || number("SLURM_STEP_NUM_NODES", 1, kMostProcesses) == 1;
    place.master = text_of("MASTER_ADDR");
    if (place.master.empty()) place.master = text_of("SLURM_LAUNCH_NODE_IPADDR");
    if (one_machine && std::getenv("MASTER_ADDR") == nullptr) place.master = "127.0.0.1";
    if (place.master.empty())
      throw Error("the address of the first process is unknown",
                  "set MASTER_ADDR (and MASTER_PORT) to the machine of rank 0");
    if (const auto port = number("MASTER_PORT", 1, 65535)) place.port = static_cast<uint16_t>(*port);
    return place;
  }
  return std::nullopt;
}

namespace {

std::unique_ptr<Communicator> meet(const ProcessPlace& place, double timeout_seconds, PortPipe* ports,
                                   const std::stop_token& stop) {
  std::signal(SIGPIPE,
              SIG_IGN);  // Gloo writes to the socket of a process that may just have died: an error, not our end
  return std::make_unique<ProcessCommunicator>(place, timeout_seconds, ports, stop);
}

}  // namespace

std::unique_ptr<Communicator> connect(const ProcessPlace& place, double timeout_seconds, std::stop_token stop) {
  return meet(place, timeout_seconds, nullptr, stop);
}

int run_distributed(int processes, const std::function<int(Communicator&)>& body, const ProcessSignals& signals) {
  if (const auto place = place_from_environment()) {
    const auto others = connect(*place, kMeetingSeconds, signals.stop);
    return body(*others);
  }
  if (processes <= 1) {
    Communicator alone;
    return body(alone);
  }
  ProcessPlace place;
  place.world_size = processes;
  place.port = 0;  // the kernel chooses
  PortPipe ports;
  std::fflush(stdout);
  std::vector<pid_t> children;
  for (int rank = 0; rank < processes; ++rank) {
    const pid_t child = ::fork();
    if (child < 0) throw Error("cannot start process " + std::to_string(rank) + " of --nproc", "use fewer processes");
    if (child == 0) {
      signals.in_child();
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a killed parent leaves no orphans
      place.rank = place.local_rank = rank;
      int code = 1;
      try {
        const auto others = meet(place, kMeetingSeconds, &ports, signals.stop);
        code = body(*others);
      } catch (const LostContact&) {
        code = kLostContactExit;
      } catch (const std::exception& error) {
        std::string line = error.what();
        std::replace(line.begin(), line.end(), '\n', ' ');
        std::fprintf(stderr, "fsfm [process %d]: %s\n", rank, line.c_str());
        code = signals.stop.stop_requested() ? signals.exit_code() : dynamic_cast<const Error*>(&error) ? 2 : 1;
      }
      std::fflush(nullptr);
      ::_exit(code);
    }
    children.push_back(child);
  }
  ports.close_all();
  // Signals reach the whole process group from a terminal; from elsewhere they are passed on.
  int worst = 0;
  bool told = false, lost_contact = false, said_why = false;
  for (size_t left = children.size(); left > 0;) {
    int status = 0;
    const pid_t done = ::waitpid(-1, &status, WNOHANG);
    if (done > 0) {
      --left;
      const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      if (WIFSIGNALED(status))
        std::fprintf(stderr, "fsfm [process %d]: ended by signal %d (%s)\n",
                     static_cast<int>(std::find(children.begin(), children.end(), done) - children.begin()),
                     WTERMSIG(status), ::strsignal(WTERMSIG(status)));
      if (code == kLostContactExit && WIFEXITED(status)) {
        lost_contact = true;
        continue;
      }
      said_why |= WIFEXITED(status) && (code == 1 || code == 2);
      worst = std::max(worst, code);
      continue;
    }
    if (signals.stop.stop_requested() && !told) {
      for (const pid_t child : children) ::kill(child, SIGTERM);
      told = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  // A failed process has said why; what the others saw of it would only hide that.
  if (lost_contact && !said_why && !signals.stop.stop_requested())
    std::fprintf(
        stderr,
        "fsfm: a process ended and the others lost contact with it; start again with --resume to go on from the "
        "last checkpoint\n");
  if (lost_contact) worst = std::max(worst, 2);
  return worst != 0 && signals.stop.stop_requested() ? signals.exit_code() : worst;
}

}  // namespace fsfm
