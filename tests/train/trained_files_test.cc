// What was learned with libtorch is what the engine computes: every kind of detector, trained a little, written,
// opened.
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "engine/vit.h"
#include "model/model_file.h"
#include "nn/weights.h"
#include "support/temp_dir.h"
#include "train/finetune/detector.h"

namespace fsfm {
namespace {

struct Kind {
  std::string name;
  VitConfig network;
  FinetuneMethod method = FinetuneMethod::full;
  double weight_ema = 0;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

VitConfig network(const std::string& pool, int side = 32, int classes = 2) {
  return {.img_size = side,
          .patch_size = 16,
          .embed_dim = 48,
          .depth = 2,
          .num_heads = 3,
          .num_classes = classes,
          .global_pool = pool};
}

Batch random_batch(int side, int classes, uint64_t seed) {
  Rng rng(seed);
  Batch batch;
  batch.size = 4;
  batch.side = side;
  batch.images.resize(static_cast<size_t>(4 * 3 * side * side));
  for (float& value : batch.images) value = static_cast<float>(rng.normal());
  for (int i = 0; i < 4; ++i) batch.labels.push_back(classes > 1 ? i % classes : 0);
  return batch;
}

class TrainedFile : public ::testing::TestWithParam<Kind> {};

TEST_P(TrainedFile, TheEngineAnswersAsLibtorch) {
  const Kind& kind = GetParam();
  DetectorOptions options;
  options.network = kind.network;
  options.method = kind.method;
  options.network.adapter = kind.method == FinetuneMethod::adapter;
  options.is_attack.assign(static_cast<size_t>(std::max(2, kind.network.num_classes)), 0);
  options.is_attack[0] = 1;
  options.weight_ema = kind.weight_ema;
  Communicator alone;
  DetectorLearner learner(options, {}, torch::kCPU, alone);
  {
    // Zero biases and equal norms would hide a parameter that the engine leaves out.
    torch::NoGradGuard no_grad;
    for (auto& parameter : learner.network().parameters()) parameter.add_(torch::randn_like(parameter) * 0.05);
  }
  const int side = kind.network.img_size;
  if (kind.network.num_classes > 1)
    for (uint64_t step = 0; step < 2; ++step)
      learner.step(std::vector{random_batch(side, kind.network.num_classes, step)}, 1e-3);

  const test::TempDir dir;
  ModelCard card;
  card.kind = "detector";
  card.architecture = "vit";
  card.config = options.network.to_json();
  write_model(dir / "m.safetensors", card, ModuleTensors(learner.network()).map());
  VitEngine engine(ModelFile::open(dir / "m.safetensors"), 1);

  const Batch batch = random_batch(side, kind.network.num_classes, 99);
  const auto expected = learner.logits(batch);  // [B, classes]
  const auto logits = engine.logits(batch.images, batch.size);
  ASSERT_EQ(logits.size(), static_cast<size_t>(expected.numel()));
  double spread = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(logits[i], expected.data_ptr<float>()[i], 1e-4) << i;
    spread = std::max(spread, std::fabs(static_cast<double>(logits[i]) - logits[0]));
  }
  if (kind.network.num_classes > 1) {
    EXPECT_GT(spread, 1e-2);  // an answer that depends on the picture
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TrainedFile,
                         ::testing::Values(Kind{"average", network("avg")}, Kind{"token", network("token")},
                                           Kind{"anti_spoofing", network("fas")},
                                           Kind{"adapter", network("avg"), FinetuneMethod::adapter},
                                           Kind{"averaged_weights", network("avg"), FinetuneMethod::full, 0.5},
                                           Kind{"one_logit", network("avg", 32, 1)},
                                           Kind{"large_pictures", network("avg", 384)},
                                           Kind{"four_classes", network("avg", 32, 4)}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace fsfm
