// What a training loop asks of the other processes that train with it.
#pragma once

#include <torch/torch.h>

#include <span>
#include <vector>

namespace fsfm {

// One process alone: every question has its own answer. train/distributed.h talks to others.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const { return 0; }
  virtual int size() const { return 1; }
  bool is_main() const { return rank() == 0; }

  // Every tensor becomes the mean over the ranks, in place. All ranks pass the same shapes in the same order.
  virtual void average(std::vector<torch::Tensor> tensors) { (void)tensors; }
  // The sum over the ranks of each value.
  virtual void sum(std::span<double> values) { (void)values; }
  // Every tensor becomes rank 0's.
  virtual void broadcast(std::vector<torch::Tensor> tensors) { (void)tensors; }
  virtual void barrier() {}

  // True when any rank says so: ranks agree before one of them leaves a step or the run.
  bool any(bool mine) {
    double votes[] = {mine ? 1.0 : 0.0};
    sum(votes);
    return votes[0] > 0;
  }
};

}  // namespace fsfm
