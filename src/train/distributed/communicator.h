// What a training loop asks of the other processes that train with it.
#pragma once

#include <torch/torch.h>

#include <functional>
#include <span>
#include <vector>

namespace fsfm {

// One process alone: every question has its own answer. train/distributed/distributed.h talks to others.
// Exchanges meet by their order: all ranks begin the same ones, with the same shapes, one after the other.
// Thread-compatible: one thread of a rank begins the exchanges.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  virtual int local_rank() const { return 0; }  // among the processes of this machine
  bool is_main() const { return rank() == 0; }

  // Begins to make `tensor` (dense) the sum over the ranks, in place, and returns at once. Calling the result waits for
  // the end; until then the tensor must be left alone.
  virtual std::function<void()> begin_sum(torch::Tensor tensor) {
    (void)tensor;
    return [] {};
  }
  // Every tensor becomes rank 0's.
  virtual void broadcast(std::vector<torch::Tensor> tensors) { (void)tensors; }

  // The sum over the ranks of each value.
  void sum(std::span<double> values) {
    const auto row = torch::from_blob(values.data(), {static_cast<int64_t>(values.size())}, torch::kDouble);
    begin_sum(row)();
  }
  void barrier() {
    double nothing[] = {0};
    sum(nothing);
  }
  // True when any rank says so: ranks agree before one of them leaves a step or the run.
  bool any(bool mine) {
    double votes[] = {mine ? 1.0 : 0.0};
    sum(votes);
    return votes[0] > 0;
  }
};

}  // namespace fsfm
