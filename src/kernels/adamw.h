// The sweeps of an optimiser over its parameters. Every one gives the same bits on every instruction set, so that the
// machines of a distributed run stay in step whatever their processors.
#pragma once

#include <cstdint>

namespace fsfm::kernels {

struct AdamWConstants {
  float grad_scale;     // gradients are multiplied by it
  float coupled_decay;  // L2 regularisation: decay * param joins the gradient
  float keep;           // decoupled decay: what is left of the parameter, 1 - lr * decay
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step_size;                 // lr / (1 - beta1^t)
  float inverse_sqrt_correction2;  // 1 / sqrt(1 - beta2^t)
  float eps;
};

// One AdamW step of `count` parameters with their moments. The arrays need no alignment and must not overlap.
// Thread-safe on disjoint parameters.
void adamw(float* param, const float* grad, float* exp_avg, float* exp_avg_sq, int64_t count, const AdamWConstants& c);

// average <- momentum * average + rest * param. No alignment needed, no overlap. Thread-safe on disjoint averages.
void move_average(float* average, const float* param, int64_t count, float momentum, float rest);

// The sum of squares, in double. No alignment needed. Thread-safe.
double squared_sum(const float* values, int64_t count);

}  // namespace fsfm::kernels
