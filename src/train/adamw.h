// AdamW in one sweep over memory: decay, moments, update and, if wanted, the moving average of the weights.
#pragma once

#include <torch/torch.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/param_groups.h"

namespace fsfm {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-8;
  bool coupled_decay = false;  // Adam: weight decay is part of the gradient and passes through the moments
};

// Numerically torch.optim.AdamW (decoupled decay, bias-corrected moments) or, with coupled decay, torch.optim.Adam, for
// float32 parameters. On the CPU every
// element is touched once a step; elsewhere torch's multi-tensor kernels do the same. Results do not depend on the
// number of threads. Thread-compatible.
class AdamW {
 public:
  AdamW(std::vector<ParamGroup> groups, AdamWOptions options);

  // From now on each step also does average <- m * average + (1 - m) * parameter, for the parameters named here.
  // Throws Error when a name is unknown to the optimiser or a shape differs.
  void attach_averages(const std::map<std::string, torch::Tensor>& averages);

  // L2 norm of all gradients together (0 when there are none); not finite when one of them is not.
  double grad_norm() const;

  // One update. Gradients are multiplied by `grad_scale` on the fly (clipping, loss-scale removal). A parameter without
  // a gradient keeps its value; its average moves all the same. `momentum` is needed when averages are attached.
  void step(double lr, double grad_scale = 1.0, std::optional<double> momentum = std::nullopt);

  void zero_grad();
  std::vector<torch::Tensor> parameters() const;  // all that learn, aliased, in a fixed order
  int64_t steps() const { return steps_; }
  const std::vector<ParamGroup>& groups() const { return groups_; }

  // The moments, as "exp_avg.NAME" and "exp_avg_sq.NAME"; they alias the optimiser's memory. With steps() that is all.
  std::map<std::string, torch::Tensor> state() const;
  // Copies moments back; throws Error naming a tensor that is missing or misshaped.
  void load_state(const std::map<std::string, torch::Tensor>& state, int64_t steps);

 private:
  struct Slot {
    std::string name;
    torch::Tensor param, exp_avg, exp_avg_sq, average;  // average undefined = none
    double lr_scale, weight_decay;
  };
  struct Chunk {
    size_t slot;
    int64_t begin, end;
  };
  std::vector<torch::Tensor> dense_grads() const;  // one per slot, undefined where there is none
  void step_cpu(double lr, double grad_scale, double momentum);
  void step_device(double lr, double grad_scale, double momentum);

  AdamWOptions options_;
  std::vector<ParamGroup> groups_;
  std::vector<Slot> slots_;
  std::vector<Chunk> chunks_;
  bool on_cpu_ = true, has_averages_ = false;
  int64_t steps_ = 0;
};

// min(1, max_norm / (norm + 1e-6)), torch's clipping factor; 1 when max_norm <= 0.
double clip_factor(double norm, double max_norm);

}  // namespace fsfm
