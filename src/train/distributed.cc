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
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/text.h"

namespace fsfm {
namespace {

constexpr int64_t kBucketElements = int64_t{4}
                                    << 20;  // 16 MiB: large enough for bandwidth, small enough to overlap copies
constexpr auto kExchangeTimeout = std::chrono::minutes(30);  // rank 0 evaluates alone while the others wait

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

class GlooCommunicator final : public Communicator {
 public:
  GlooCommunicator(const ProcessPlace& place, double timeout_seconds) : place_(place) {
    guarded("meet the other processes", [&] {
      c10d::TCPStoreOptions store;
      store.port = place.port;
      store.isServer = place.rank == 0;
      store.numWorkers = place.world_size;
      store.timeout = std::chrono::milliseconds(static_cast<int64_t>(timeout_seconds * 1000));
      auto meeting = c10::make_intrusive<c10d::TCPStore>(place.master, store);
      auto options = c10d::ProcessGroupGloo::Options::create(kExchangeTimeout);
      const bool local = place.master == "127.0.0.1" || place.master == "localhost";
      options->devices.push_back(local ? c10d::ProcessGroupGloo::createDeviceForInterface("lo")
                                       : c10d::ProcessGroupGloo::createDefaultDevice());
      options->threads = 2;
      group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(meeting, place.rank, place.world_size, options);
    });
  }

  int rank() const override { return place_.rank; }
  int size() const override { return place_.world_size; }

  void average(std::vector<torch::Tensor> tensors) override {
    torch::NoGradGuard no_grad;
    // Buckets travel while the next one is filled.
    struct Bucket {
      std::vector<torch::Tensor> tensors, flat;
      c10::intrusive_ptr<c10d::Work> work;
    };
    guarded("average gradients", [&] {
      std::vector<Bucket> buckets;
      for (size_t first = 0; first < tensors.size();) {
        Bucket& bucket = buckets.emplace_back();
        int64_t elements = 0;
        std::vector<torch::Tensor> rows;
        for (; first < tensors.size() && (elements == 0 || elements + tensors[first].numel() <= kBucketElements);
             ++first) {
          elements += tensors[first].numel();
          bucket.tensors.push_back(tensors[first]);
          rows.push_back(tensors[first].reshape({-1}).to(torch::kCPU));
        }
        bucket.flat = {torch::cat(rows)};
        bucket.work = c10::static_intrusive_pointer_cast<c10d::Work>(group_->allreduce(bucket.flat));
      }
      for (auto& bucket : buckets) {
        bucket.work->wait();
        bucket.flat.front().div_(place_.world_size);
        int64_t at = 0;
        for (auto& tensor : bucket.tensors) {
          tensor.copy_(bucket.flat.front().narrow(0, at, tensor.numel()).view(tensor.sizes()));
          at += tensor.numel();
        }
      }
    });
  }

  void sum(std::span<double> values) override {
    guarded("exchange figures", [&] {
      std::vector<torch::Tensor> row = {
          torch::tensor(std::vector<double>(values.begin(), values.end()), torch::kDouble)};
      group_->allreduce(row)->wait();
      std::copy_n(row.front().data_ptr<double>(), values.size(), values.begin());
    });
  }

  void broadcast(std::vector<torch::Tensor> tensors) override {
    torch::NoGradGuard no_grad;
    guarded("send the first weights", [&] {
      for (auto& tensor : tensors) {
        std::vector<torch::Tensor> host = {tensor.detach().to(torch::kCPU).contiguous()};
        group_->broadcast(host)->wait();
        tensor.detach().copy_(host.front());
      }
    });
  }

  void barrier() override {
    double nothing[] = {0};
    sum(nothing);
  }

 private:
  // Gloo reports a lost peer in many words; the user needs these.
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
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
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
  return std::make_unique<GlooCommunicator>(place, timeout_seconds);
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
