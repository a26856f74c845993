#include "train/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "base/error.h"
#include "base/parallel.h"

namespace fsfm {

torch::Device choose_device(const std::string& name, int threads, int local_rank) {
  torch::set_num_threads(thread_count(threads));
  const bool cuda = torch::cuda::is_available();
  if (name == "cuda" && !cuda)
    throw Error("--device cuda: this build of libtorch sees no CUDA device",
                "use --device cpu, or build against a CUDA libtorch (CMAKE_PREFIX_PATH)");
  if (name == "cpu" || !cuda) return torch::kCPU;
  const auto devices = static_cast<int>(torch::cuda::device_count());
  const torch::Device device(torch::kCUDA, static_cast<torch::DeviceIndex>(local_rank % devices));
  c10::impl::getDeviceGuardImpl(torch::kCUDA)->setDevice(device);  // also for what names no device: random numbers
  return device;
}

}  // namespace fsfm
