#include "nn/precision.h"

#include "base/error.h"

namespace fsfm {

Precision parse_precision(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "bf16") return Precision::bf16;
  if (name == "fp16") return Precision::fp16;
  throw Error("unknown precision '" + name + "'", "choose fp32, bf16 or fp16");
}

const char* precision_name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::bf16 ? "bf16" : "fp16";
}

PrecisionScope::PrecisionScope(Precision precision, torch::Device device)
    : device_(device.type()), former_(compat::autocast_state(device_)) {
  if (precision == Precision::fp16 && device_ == torch::kCPU) {
    throw Error("precision fp16 needs a CUDA device", "use bf16 or fp32 on a CPU");
  }
  compat::AutocastState state = former_;
  state.enabled = precision != Precision::fp32;
  if (state.enabled) state.dtype = precision == Precision::bf16 ? torch::kBFloat16 : torch::kHalf;
  compat::set_autocast(device_, state);
}

PrecisionScope::~PrecisionScope() {
  compat::clear_autocast_cache();
  compat::set_autocast(device_, former_);
}

}  // namespace fsfm
