// Several processes that train one model: who they are, how they meet, how they exchange numbers (torch's c10d:
// Gloo, and NCCL for CUDA tensors where libtorch was built with it).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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
// and at once when the port is taken, on either kind of internet address. Every later exchange throws Error, with the
// way to resume, once another process is gone.
std::unique_ptr<Communicator> connect(const ProcessPlace& place, double timeout_seconds = 300);

// Runs `body(communicator)` in `processes` processes of this machine (forked: call before any thread exists) and
// returns the largest exit code, or that of an interrupted command (base/interrupt.h). They meet at a port that the
// kernel chooses, so that any number of runs may start at once. When one process fails, the others lose contact with it
// and end. With 1 process and no launcher `body` simply runs here.
int run_distributed(int processes, const std::function<int(Communicator&)>& body);

}  // namespace fsfm
