#include "train/init_weights.h"

#include "base/error.h"
#include "base/text.h"
#include "tensorio/pth.h"

namespace fsfm {

WeightFile read_weights(const std::filesystem::path& path) {
  const std::string extension = to_lower(path.extension().string());
  WeightFile weights;
  if (extension == ".pth" || extension == ".pt" || extension == ".bin") {
    auto file = std::make_shared<PthFile>(read_pth(path));
    weights.tensors = state_dict(*file);
    weights.keep_alive.push_back(std::move(file));
    return weights;
  }
  auto file = std::make_shared<ModelFile>(ModelFile::open(path, /*card_required=*/false));
  weights.tensors = file->tensors();
  if (file->has_card()) weights.card = file->card();
  weights.keep_alive.push_back(std::move(file));
  return weights;
}

LoadReport load_initial_weights(torch::nn::Module& module, const std::filesystem::path& path, LoadOptions options) {
  const WeightFile weights = read_weights(path);
  options.source = path.string();
  options.allow_unused = true;
  LoadReport report = load_weights(module, weights.tensors, options);
  if (report.loaded.empty())
    throw Error(path.string() + " holds no weight of this network",
                "give a vision transformer with timm's parameter names");
  return report;
}

}  // namespace fsfm
