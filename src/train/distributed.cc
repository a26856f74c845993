#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO  // the header hides its class without it; Debian's CMake package does not pass it on
#endif
#include "train/distributed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spdlog/fmt/fmt.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL  // set by cmake/FsfmDependencies.cmake
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "base/error.h"
#include "base/interrupt.h"
#include "base/text.h"

namespace fsfm {
namespace {

// Rank 0 evaluates alone while the others wait, on a large set for hours. A process that dies closes its sockets and is
// noticed at once, whatever stands here.
constexpr auto kExchangeTimeout = std::chrono::hours(24);

std::optional<int> number(const char* name) {
  const char* text = std::getenv(name);
  if (!text || !*text) return std::nullopt;
  const std::string_view view(text);
  int value = 0;
  const auto [end, code] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (code != std::errc() || end != view.data() + view.size() || value < 0)
    throw Error(std::string("environment variable ") + name + "=" + text + " is no number",
                "unset it, or start through the launcher");
  return value;
}

std::string text_of(const char* name) {
  const char* text = std::getenv(name);
  return text ? text : "";
}

// A free TCP port of this machine. Another program may take it before we do; connecting then fails with a message.
uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool ok = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (fd >= 0) ::close(fd);
  if (!ok) throw Error("no free TCP port for the processes of --nproc", "check the network settings of this machine");
  return ntohs(address.sin_port);
}

// Gloo for tensors on the CPU; for those on CUDA devices NCCL where libtorch has it, else Gloo on a copy.
class ProcessCommunicator final : public Communicator {
 public:
  ProcessCommunicator(const ProcessPlace& place, double timeout_seconds) : place_(place) {
    guarded("meet the other processes", [&] {
      c10d::TCPStoreOptions store;
      store.port = place.port;
      store.isServer = place.rank == 0;
      store.numWorkers = place.world_size;
      store.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout_seconds * 1000));
      meeting_ = c10::make_intrusive<c10d::TCPStore>(place.master, store);
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
      throw Error(
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
    const auto rank = number(launcher.rank), size = number(launcher.size);
    if (!rank || !size || *size <= 1) continue;
    ProcessPlace place;
    place.rank = *rank;
    place.world_size = *size;
    place.local_rank = number(launcher.local_rank).value_or(0);
    if (place.rank >= place.world_size)
      throw Error(fmt::format("{}={} is not below {}={}", launcher.rank, *rank, launcher.size, *size),
                  "start through the launcher");
    const auto local_size = number("OMPI_COMM_WORLD_LOCAL_SIZE");
    const bool one_machine = local_size == size || number("SLURM_STEP_NUM_NODES") == 1;
    place.master = text_of("MASTER_ADDR");
    if (place.master.empty()) place.master = text_of("SLURM_LAUNCH_NODE_IPADDR");
    if (one_machine && std::getenv("MASTER_ADDR") == nullptr) place.master = "127.0.0.1";
    if (place.master.empty())
      throw Error("the address of the first process is unknown",
                  "set MASTER_ADDR (and MASTER_PORT) to the machine of rank 0");
    if (const auto port = number("MASTER_PORT")) place.port = static_cast<uint16_t>(*port);
    return place;
  }
  return std::nullopt;
}

std::unique_ptr<Communicator> connect(const ProcessPlace& place, double timeout_seconds) {
  std::signal(SIGPIPE, SIG_IGN);  // Gloo writes to the socket of a process that may just have died: an error, not our end
  return std::make_unique<ProcessCommunicator>(place, timeout_seconds);
}

int run_distributed(int processes, const std::function<int(Communicator&)>& body) {
  if (const auto place = place_from_environment()) {
    const auto others = connect(*place);
    return body(*others);
  }
  if (processes <= 1) {
    Communicator alone;
    return body(alone);
  }
  ProcessPlace place;
  place.world_size = processes;
  place.port = free_port();
  std::fflush(stdout);
  std::vector<pid_t> children;
  for (int rank = 0; rank < processes; ++rank) {
    const pid_t child = ::fork();
    if (child < 0) throw Error("cannot start process " + std::to_string(rank) + " of --nproc", "use fewer processes");
    if (child == 0) {
      install_interrupt_handlers();
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a killed parent leaves no orphans
      place.rank = place.local_rank = rank;
      int code = 1;
      try {
        const auto others = connect(place);
        code = body(*others);
      } catch (const std::exception& error) {
        std::string line = error.what();
        std::replace(line.begin(), line.end(), '\n', ' ');
        std::fprintf(stderr, "fsfm [process %d]: %s\n", rank, line.c_str());
        code = dynamic_cast<const Error*>(&error) ? 2 : 1;
      }
      std::fflush(nullptr);
      ::_exit(code);
    }
    children.push_back(child);
  }
  // Signals reach the whole process group from a terminal; from elsewhere they are passed on.
  int worst = 0;
  bool told = false;
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
      worst = std::max(worst, code);
      continue;
    }
    if (interrupted() && !told) {
      for (const pid_t child : children) ::kill(child, SIGTERM);
      told = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return worst;
}

}  // namespace fsfm
