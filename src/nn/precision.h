// The number format that the networks compute in.
#pragma once

#include <string>

#include "nn/torch_compat.h"

namespace fsfm {

// bf16 and fp16 mean mixed precision: weights, normalisation and sums stay float.
enum class Precision { fp32, bf16, fp16 };

// "fp32", "bf16", "fp16"; throws Error listing them.
Precision parse_precision(const std::string& name);
const char* precision_name(Precision precision);

// Does this processor multiply bfloat16 faster than float? True with AMX, and on AMD with AVX-512 BF16; Intel's AVX-512
// BF16 without AMX is slower than its float (0.57 of it, measured).
bool bf16_is_fast_on_cpu();

// What this thread computes in at present on a kind of device, to be returned to later and on any thread.
class PrecisionState {
 public:
  explicit PrecisionState(torch::Device device);

 private:
  friend class PrecisionScope;
  torch::DeviceType device_;
  compat::AutocastState autocast_;
  torch::ScalarType cpu_type_;
};

// Networks called while a scope is alive compute in its precision on `device`; the former state returns at its end.
// Scopes nest and belong to one thread. Open it around forward and losses; backward needs none (it follows what forward
// did). On a CPU bf16 is a permission: where it would be slower than float, float is used, unless `even_if_slow`. fp16
// is for CUDA only: Error on a CPU.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision precision, torch::Device device = torch::kCPU, bool even_if_slow = false);
  explicit PrecisionScope(const PrecisionState& state);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

  // What products on the CPU compute in, in this thread: torch::kFloat or torch::kBFloat16.
  static torch::ScalarType cpu_type();

 private:
  PrecisionState former_;
};

}  // namespace fsfm
