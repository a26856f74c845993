// Averages gradients over the processes while backward still computes the next ones.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "train/distributed/communicator.h"

namespace fsfm {

// The first step only notes in which order gradients become final; rank 0's order then decides the buckets of all
// ranks, and from the second step on a bucket sets out as soon as its last gradient is there.
//
//   GradientBuckets buckets(parameters, others);
//   buckets.arm();       // before the last backward of a step: gradients of earlier ones only add up
//   loss.backward();
//   buckets.finish();    // every .grad is now the mean over the ranks
//
// Does nothing in a process alone. Every rank must compute gradients for the same parameters. Thread-compatible.
class GradientBuckets {
 public:
  static constexpr int64_t kBucketElements = int64_t{4}
                                             << 20;  // 16 MiB: enough for bandwidth, little enough to overlap

  // `others` outlives the buckets.
  GradientBuckets(std::vector<torch::Tensor> parameters, Communicator& others,
                  int64_t bucket_elements = kBucketElements);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  void arm();
  void finish();

 private:
  struct Bucket {
    std::vector<size_t> members;  // parameters
    size_t ready = 0;
    torch::Tensor flat;
    std::function<void()> wait;
  };
  struct Hook;
  void on_ready(size_t parameter);
  void set_out(Bucket& bucket);
  void plan();

  std::vector<torch::Tensor> parameters_;
  Communicator& others_;
  int64_t bucket_elements_;
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators_;  // they own the hooks
  std::vector<uintptr_t> hook_keys_;
  bool armed_ = false, planned_ = false;
  std::vector<size_t> order_;  // of the first step
  std::vector<Bucket> buckets_;
  std::vector<size_t> bucket_of_;  // parameter -> bucket
  size_t next_ = 0;                // the bucket to set out next: the same order on all ranks
};

}  // namespace fsfm
