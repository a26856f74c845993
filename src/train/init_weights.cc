#include "train/init_weights.h"

#include "base/error.h"

namespace fsfm {

LoadReport load_initial_weights(torch::nn::Module& module, const TensorMap& tensors, LoadOptions options) {
  options.allow_unused = true;
  LoadReport report = load_weights(module, tensors, options);
  if (report.loaded.empty())
    throw Error(options.source + " holds no weight of this network",
                "give a vision transformer with timm's parameter names");
  return report;
}

}  // namespace fsfm
