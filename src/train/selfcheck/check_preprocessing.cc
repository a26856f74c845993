// The picture through the three preprocessing paths against photo.png and preprocess.safetensors.
#include "media/codec.h"
#include "media/preprocess.h"
#include "train/selfcheck/golden.h"

namespace fsfm::selfcheck {
namespace {

constexpr double kLevel = 1.0 / 255.0, kMean = 1e-3, kOutliers = 1e-3;

// Values may be one grey level apart, and 0.1 % of them more; the mean difference stays small. Differences are in units
// of the normalised values: a level of channel c is 1/255/std[c].
void compare_pictures(Report& report, const std::string& name, const std::vector<float>& ours,
                      const torch::Tensor& reference, const Normalization& norm) {
  if (static_cast<int64_t>(ours.size()) != reference.numel()) return report.fail(name, "the sizes differ");
  const auto mine = torch::from_blob(const_cast<float*>(ours.data()), reference.sizes()).to(torch::kDouble);
  const auto difference = (mine - reference.to(torch::kDouble)).abs();  // [3,H,W]
  const auto std = torch::tensor({norm.std[0], norm.std[1], norm.std[2]}, torch::kDouble).view({3, 1, 1});
  const auto levels = difference * std / kLevel;
  report.measured(name + ": share of values more than one level apart",
                  levels.gt(1.0 + 1e-4).to(torch::kDouble).mean().item<double>(), kOutliers,
                  "largest " + std::to_string(levels.max().item<double>()) + " levels");
  report.measured(name + ": mean difference", difference.mean().item<double>(), kMean);
}

}  // namespace

void check_preprocessing(Report& report) {
  const GoldenFile file = report.open("preprocess.safetensors");
  Normalization norm;
  norm.mean = file.metadata("mean").get<std::array<float, 3>>();
  norm.std = file.metadata("std").get<std::array<float, 3>>();
  const Image photo = read_image(report.path("photo.png"));
  const auto pixels = file.tensor("photo");  // [H,W,3]
  const auto decoded =
      torch::from_blob(const_cast<uint8_t*>(photo.rgb.data()), {photo.height, photo.width, 3}, torch::kByte);
  report.compare("preprocessing: decoded picture", decoded, pixels, 0.0);

  const auto to_floats = [&](const Image& image) {
    std::vector<float> chw(static_cast<size_t>(3) * image.width * image.height);
    normalize_to_chw(image, norm, chw);
    return chw;
  };
  compare_pictures(report, "preprocessing: resize 256, crop 224",
                   to_floats(Transform::parse("pillow-bicubic-256-crop-224").apply(photo)),
                   file.tensor("eval_resize256_crop224"), norm);
  compare_pictures(report, "preprocessing: square 224", to_floats(Transform::parse("pillow-bicubic-224").apply(photo)),
                   file.tensor("square224"), norm);
  const auto pretrain = file.tensor("pretrain_tensor_resize224");
  compare_pictures(report, "preprocessing: tensor bicubic",
                   resize_tensor_bicubic(to_floats(photo), 3, photo.width, photo.height,
                                         static_cast<int>(pretrain.size(2)), static_cast<int>(pretrain.size(1))),
                   pretrain, norm);
}

}  // namespace fsfm::selfcheck
