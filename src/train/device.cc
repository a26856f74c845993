#include "train/device.h"

#include "base/error.h"
#include "base/parallel.h"

namespace fsfm {

torch::Device choose_device(const std::string& name, int threads) {
  torch::set_num_threads(thread_count(threads));
  const bool cuda = torch::cuda::is_available();
  if (name == "cuda" && !cuda)
    throw Error("--device cuda: this build of libtorch sees no CUDA device",
                "use --device cpu, or build against a CUDA libtorch (CMAKE_PREFIX_PATH)");
  return name != "cpu" && cuda ? torch::Device(torch::kCUDA) : torch::Device(torch::kCPU);
}

}  // namespace fsfm
