#include "nn/precision.h"

#include "base/error.h"
#include "kernels/gemm.h"

namespace fsfm {
namespace {

thread_local torch::ScalarType cpu_compute_type = torch::kFloat;

}  // namespace

Precision parse_precision(const std::string& name) {
  if (name == "fp32") return Precision::fp32;
  if (name == "bf16") return Precision::bf16;
  if (name == "fp16") return Precision::fp16;
  throw Error("unknown precision '" + name + "'", "choose fp32, bf16 or fp16");
}

const char* precision_name(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::bf16 ? "bf16" : "fp16";
}

bool bf16_is_fast_on_cpu() { return bf16_products_are_fast(); }

PrecisionState::PrecisionState(torch::Device device)
    : device_(device.type()), autocast_(compat::autocast_state(device_)), cpu_type_(cpu_compute_type) {}

PrecisionScope::PrecisionScope(Precision precision, torch::Device device, bool even_if_slow) : former_(device) {
  if (device.is_cpu()) {
    if (precision == Precision::fp16) throw Error("precision fp16 needs a CUDA device", "use bf16 or fp32 on a CPU");
    const bool bf16 = precision == Precision::bf16 && (even_if_slow || bf16_is_fast_on_cpu());
    cpu_compute_type = bf16 ? torch::kBFloat16 : torch::kFloat;
    return;  // our own operations read it; whatever else runs on a CPU stays float
  }
  compat::AutocastState state = former_.autocast_;
  state.enabled = precision != Precision::fp32;
  if (state.enabled) state.dtype = precision == Precision::bf16 ? torch::kBFloat16 : torch::kHalf;
  compat::set_autocast(former_.device_, state);
}

PrecisionScope::PrecisionScope(const PrecisionState& state) : former_(state.device_) {
  cpu_compute_type = state.cpu_type_;
  if (state.device_ != torch::kCPU) compat::set_autocast(state.device_, state.autocast_);
}

PrecisionScope::~PrecisionScope() {
  cpu_compute_type = former_.cpu_type_;
  if (former_.device_ == torch::kCPU) return;
  compat::clear_autocast_cache();
  compat::set_autocast(former_.device_, former_.autocast_);
}

torch::ScalarType PrecisionScope::cpu_type() { return cpu_compute_type; }

}  // namespace fsfm
