#include "train/pretrain/pretrain_eval.h"

#include <algorithm>

#include "base/error.h"
#include "media/draw.h"
#include "nn/losses.h"

namespace fsfm {
namespace {

constexpr uint64_t kMaskSeed = 20250611;  // any fixed number: every evaluation hides the same patches
constexpr double kEps = 1e-6;             // method.md section 3

struct Prediction {
  torch::Tensor truth, pixels;    // [B,M,p*p*3] hidden patches in normalised pixels: true and predicted
  torch::Tensor mean, deviation;  // [B,M,1] of the true patches
  MaskIndices mask;
};

Prediction predict(FsfmOnline& online, torch::Device device, const Batch& batch, const ReconstructionOptions& options) {
  torch::NoGradGuard no_grad;
  online->eval();
  const auto& encoder = online->config.encoder;
  const auto images =
      torch::from_blob(const_cast<float*>(batch.images.data()), {batch.size, 3, batch.side, batch.side}).to(device);
  Prediction p;
  p.mask = MaskIndices::from_masks(batch.masked, batch.region, batch.size, encoder.patches()).to(device);
  const auto patches = patchify(images, encoder.patch_size);
  p.truth = patches.gather(1, p.mask.hidden.unsqueeze(-1).expand({-1, -1, patches.size(2)}));
  p.mean = p.truth.mean(-1, true);
  p.deviation = (p.truth.var(-1, /*unbiased=*/true, /*keepdim=*/true) + kEps).sqrt();
  PrecisionScope scope(options.precision, device);
  p.pixels = online->forward(images, p.mask, /*with_rep=*/false).pred.to(torch::kFloat);
  if (options.norm_pix) p.pixels = p.pixels * p.deviation + p.mean;
  return p;
}

Loader held_out_loader(const Dataset& faces, const ReconstructionOptions& options, int batch_size) {
  const LoaderOptions order{.batch_size = batch_size,
                            .workers = options.workers,
                            .seed = kMaskSeed,
                            .shuffle = false,
                            .drop_last = false,
                            .unreadable = options.unreadable,
                            .replace_unreadable = false};
  PretrainBatchOptions batch = options.batch;
  batch.augment = false;
  return Loader(faces, order, make_pretrain_filler(batch), make_pretrain_batch(batch, batch_size));
}

// [3,S,S] normalised -> picture.
Image to_image(const torch::Tensor& chw, const Normalization& norm) {
  const auto host = chw.to(torch::kCPU).contiguous();
  const int side = static_cast<int>(host.size(1));
  return denormalize_from_chw({host.data_ptr<float>(), static_cast<size_t>(host.numel())}, side, side, norm);
}

}  // namespace

ReconstructionReport evaluate_reconstruction(FsfmOnline& online, torch::Device device, const Dataset& faces,
                                             const ReconstructionOptions& options) {
  Loader loader = held_out_loader(faces, options, options.batch_size);
  loader.start(0);
  ReconstructionReport report;
  double region_patches = 0;
  while (auto batch = loader.next()) {
    const Prediction p = predict(online, device, *batch, options);
    const auto error = (p.pixels - p.truth) / p.deviation, spread = (p.truth - p.mean) / p.deviation;
    const auto weight = static_cast<double>(batch->size);
    report.faces += batch->size;
    report.pixel_mse += weight * (p.pixels - p.truth).square().mean().item<double>();
    report.pixel_baseline += weight * (p.truth - p.mean).square().mean().item<double>();
    report.patch_mse += weight * error.square().mean().item<double>();
    report.patch_baseline += weight * spread.square().mean().item<double>();
    report.region_mse += (error.square().mean(-1) * p.mask.region).sum().item<double>();
    region_patches += p.mask.region.sum().item<double>();
    loader.recycle(*std::move(batch));
  }
  report.unreadable = static_cast<int64_t>(faces.samples().size()) - report.faces;
  if (report.faces == 0)
    throw Error("no held-out face can be read" + (options.unreadable ? ": " + options.unreadable->named() : ""),
                "check the folder");
  const auto n = static_cast<double>(report.faces);
  for (double* value : {&report.pixel_mse, &report.pixel_baseline, &report.patch_mse, &report.patch_baseline})
    *value /= n;
  report.region_mse /= std::max(1.0, region_patches);
  return report;
}

Image reconstruction_sheet(FsfmOnline& online, torch::Device device, const Dataset& faces,
                           const ReconstructionOptions& options, int count) {
  count = std::min<int>(count, static_cast<int>(faces.samples().size()));
  Loader loader = held_out_loader(faces, options, count);
  loader.start(0);
  const auto batch = loader.next();
  if (!batch) return {};
  count = batch->size;
  const Prediction p = predict(online, device, *batch, options);
  const int patch = online->config.encoder.patch_size, side = batch->side;
  const auto images =
      torch::from_blob(const_cast<float*>(batch->images.data()), {batch->size, 3, side, side}).to(device);
  const auto patches = patchify(images, patch);
  const auto where = p.mask.hidden.unsqueeze(-1).expand({-1, -1, patches.size(2)});
  const auto filled = unpatchify(patches.scatter(1, where, p.pixels), patch);

  constexpr int kGap = 4, kColumns = 3;
  Image sheet(kColumns * (side + kGap) + kGap, count * (side + kGap) + kGap, 255);
  for (int i = 0; i < count; ++i) {
    const Image original = to_image(images[i], options.batch.normalization);
    Image masked = original;
    const int grid = side / patch;
    for (int l = 0; l < grid * grid; ++l)
      if (batch->masked[static_cast<size_t>(i) * grid * grid + l])
        fill_rect(masked, {l % grid * patch, l / grid * patch, patch, patch}, {206, 208, 212});
    const int y = kGap + i * (side + kGap);
    paste(sheet, original, kGap, y);
    paste(sheet, masked, kGap + side + kGap, y);
    paste(sheet, to_image(filled[i], options.batch.normalization), kGap + 2 * (side + kGap), y);
  }
  return sheet;
}

}  // namespace fsfm
