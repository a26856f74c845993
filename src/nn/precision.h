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

// Networks called while a scope is alive compute in its precision on `device`; the former state returns at its end. Scopes
// nest and belong to one thread. Open it around forward and losses; backward needs none (it follows what forward did).
// fp16 is for CUDA only: Error on a CPU. bf16 works on every CPU, but is fast only with AVX-512 BF16 or AMX.
class PrecisionScope {
 public:
  explicit PrecisionScope(Precision precision, torch::Device device = torch::kCPU);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  torch::DeviceType device_;
  compat::AutocastState former_;
};

}  // namespace fsfm
