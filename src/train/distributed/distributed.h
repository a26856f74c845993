// Several processes that train one model: who they are, how they meet, how they exchange numbers (torch's c10d:
// Gloo, and NCCL for CUDA tensors where libtorch was built with it).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "train/distributed/communicator.h"

namespace fsfm {

// This process's place among all of them.
struct ProcessPlace {
  int rank = 0, world_size = 1, local_rank = 0;
  std::string master = "127.0.0.1";
  uint16_t port = 29500;
};

// What a launcher left in the environment: torchrun (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), mpirun
// (OMPI_COMM_WORLD_*, PMI_*), srun (SLURM_*). nullopt when none did or it started one process only. Throws Error when a
// value is no number in its range (a port: 1..65535), when a rank is missing, or when the address of rank 0 is unknown
// though the processes are on several machines.
std::optional<ProcessPlace> place_from_environment();

// Meets the other processes; blocks until all are there. Throws Error when they do not come within `timeout_seconds`,
// and at once when `stop` is asked to, or when the port is taken, on either kind of internet address. Every later
// exchange throws Error, with the way to resume, once another process is gone.
std::unique_ptr<Communicator> connect(const ProcessPlace& place, double timeout_seconds = 300,
                                      std::stop_token stop = {});

// How a program's signals reach the processes that it starts.
struct ProcessSignals {
  std::stop_token stop{};                             // the user wants to stop; it must work in a forked child, too
  std::function<void()> in_child = [] {};             // called in each child first: threads do not survive a fork
  std::function<int()> exit_code = [] { return 1; };  // of what ends because `stop` was asked to
};

// Runs `body(communicator)` in `processes` processes of this machine (forked: call before any thread exists) and
// returns the largest exit code, or signals.exit_code() once it was stopped. They meet at a port that the
// kernel chooses, so that any number of runs may start at once. When one process fails, the others lose contact with it
// and end. With 1 process and no launcher `body` simply runs here.
int run_distributed(int processes, const std::function<int(Communicator&)>& body, const ProcessSignals& signals = {});

}  // namespace fsfm
