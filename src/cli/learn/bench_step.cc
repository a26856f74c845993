// fsfm bench step: one optimiser step of FSFM pretraining, as `fsfm pretrain` does it, on made-up pictures.
#include "base/error.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "cli/bench.h"
#include "nn/fsfm_net.h"
#include "nn/losses.h"
#include "nn/precision.h"
#include "train/adamw.h"

namespace fsfm::cli {
namespace {

constexpr double kRegionWeight = 0.007, kSimilarityWeight = 0.1;

// 75 % of the patches hidden in each image, a tenth of them in the covered region.
MaskIndices random_masks(int batch, int patches, Rng& rng) {
  const int hidden = patches * 3 / 4;
  std::vector<uint8_t> masked(static_cast<size_t>(batch) * patches), region(masked.size());
  std::vector<int> order(patches);
  for (int b = 0; b < batch; ++b) {
    for (int p = 0; p < patches; ++p) order[p] = p;
    rng.shuffle(std::span(order));
    for (int i = 0; i < hidden; ++i) masked[b * patches + order[i]] = 1;
    for (int i = 0; i < hidden / 10; ++i) region[b * patches + order[i]] = 1;
  }
  return MaskIndices::from_masks(masked, region, batch, patches);
}

std::vector<BenchCase> run(const BenchOptions& options, const std::string& precision_text) {
  const Precision precision = parse_precision(precision_text);
  if (options.batch_size < 2) throw Error("--batch-size must be at least 2");
  torch::set_num_threads(thread_count(0));
  torch::manual_seed(0);
  const auto config = FsfmConfig::named(options.model);
  FsfmOnline online(config);
  FsfmTarget target(config);
  copy_shared(online, target);
  AdamW optimizer(decay_groups(*online, 0.05), {});
  std::map<std::string, torch::Tensor> averages;
  for (const auto& item : target->named_parameters()) {
    if (online->named_parameters()[item.key()].requires_grad()) averages[item.key()] = item.value();
  }
  optimizer.attach_averages(averages);
  const int side = config.encoder.img_size;
  const auto images = torch::randn({options.batch_size, 3, side, side});
  Rng rng(0);
  const auto mask = random_masks(options.batch_size, config.encoder.patches(), rng);

  MeasureOptions measure_options = options;
  measure_options.warm_up = 0.0;  // one untimed step
  measure_options.min_samples = 2;
  const auto timing = measure(
      [&] {
        optimizer.zero_grad();
        {
          const PrecisionScope scope(precision);
          const auto out = online(images, mask);
          const auto pixels = reconstruction_loss(out.pred, images, mask, config.encoder.patch_size, /*norm_pix=*/true);
          const auto similarity = similarity_loss(SimilarityLoss::simsiam, out.feature, target(images));
          (pixels.masked + kRegionWeight * pixels.region + kSimilarityWeight * similarity).backward();
        }
        optimizer.step(1e-4, clip_factor(optimizer.grad_norm(), 1.0), 0.996);
      },
      measure_options);
  return {{"ViT-" + options.model + ", batch " + std::to_string(options.batch_size) + ", " + precision_text, timing,
           static_cast<double>(options.batch_size), "images"}};
}

}  // namespace

std::vector<BenchCase> bench_step(const BenchOptions& options) { return run(options, options.precision); }
std::vector<BenchCase> bench_step_bf16(const BenchOptions& options) { return run(options, "bf16"); }

}  // namespace fsfm::cli
