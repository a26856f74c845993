// fsfm bench step: one optimiser step of FSFM pretraining by the learner of `fsfm pretrain`, on made-up pictures.
#include "base/error.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "cli/bench.h"
#include "train/pretrain/pretrain_step.h"

namespace fsfm::cli {
namespace {

// Noise, with 75 % of the patches hidden in each image and a tenth of them in the covered region.
Batch made_up_batch(const VitConfig& encoder, int size, Rng& rng) {
  const int patches = encoder.patches(), hidden = patches * 3 / 4;
  Batch batch;
  batch.size = size;
  batch.side = encoder.img_size;
  batch.images.resize(static_cast<size_t>(size) * 3 * batch.side * batch.side);
  for (float& value : batch.images) value = static_cast<float>(rng.uniform(-2, 2));
  batch.masked.resize(static_cast<size_t>(size) * patches);
  batch.region.resize(batch.masked.size());
  std::vector<int> order(patches);
  for (int b = 0; b < size; ++b) {
    for (int p = 0; p < patches; ++p) order[p] = p;
    rng.shuffle(std::span(order));
    for (int i = 0; i < hidden; ++i) batch.masked[b * patches + order[i]] = 1;
    for (int i = 0; i < hidden / 10; ++i) batch.region[b * patches + order[i]] = 1;
  }
  return batch;
}

std::vector<BenchCase> run(const BenchOptions& options, const std::string& precision) {
  if (options.batch_size < 2) throw Error("--batch-size must be at least 2");
  torch::set_num_threads(thread_count(0));
  PretrainStepOptions step;
  step.network = FsfmConfig::named(options.model);
  step.precision = parse_precision(precision);
  Communicator alone;
  PretrainLearner learner(step, torch::kCPU, alone);
  Rng rng(0);
  const std::vector<Batch> batches{made_up_batch(step.network.encoder, options.batch_size, rng)};

  MeasureOptions measure_options = options;
  measure_options.warm_up = 0.0;  // one untimed step
  measure_options.min_samples = 2;
  const auto timing = measure([&] { learner.step(batches, 1e-4, 0.996); }, measure_options);
  return {{"ViT-" + options.model + ", batch " + std::to_string(options.batch_size) + ", " + precision, timing,
           static_cast<double>(options.batch_size), "images"}};
}

}  // namespace

std::vector<BenchCase> bench_step(const BenchOptions& options) { return run(options, options.precision); }
std::vector<BenchCase> bench_step_bf16(const BenchOptions& options) { return run(options, "bf16"); }

}  // namespace fsfm::cli
