#include "train/init_weights.h"

#include "base/error.h"

namespace fsfm {

LoadReport load_initial_weights(torch::nn::Module& module, const std::filesystem::path& path, LoadOptions options) {
  const Weights weights = read_weights(path);
  options.source = path.string();
  options.allow_unused = true;
  LoadReport report = load_weights(module, weights.tensors, options);
  if (report.loaded.empty())
    throw Error(path.string() + " holds no weight of this network",
                "give a vision transformer with timm's parameter names");
  return report;
}

}  // namespace fsfm
