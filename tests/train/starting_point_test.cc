// Fine-tuning starts from exactly the network that a stranger's file holds: the same logits as the torch-free engine.
#include <gtest/gtest.h>

#include "base/file.h"
#include "engine/vit.h"
#include "nn/weights.h"
#include "support/error_text.h"
#include "support/foreign_vit.h"
#include "support/temp_dir.h"
#include "train/finetune/finetune_start.h"
#include "train/init_weights.h"
#include "train/pretrain/pretrain_start.h"

namespace fsfm {
namespace {

using test::OwnTensors;
using test::random_vit;

// Logits of the libtorch network that training would start from, against the engine's on our own names.
void expect_same_logits(const std::filesystem::path& file, const OwnTensors& ours, const nlohmann::json& config,
                        const std::string& pool) {
  FinetuneRecipe recipe;
  recipe.init = file.string();
  recipe.num_heads = 3;
  recipe.global_pool = pool;
  recipe.drop_path = 0;
  StartingPoint start = starting_point(recipe, 2);
  Vit network(start.network);
  LoadOptions load;
  load.source = recipe.init;
  const LoadReport report = load_initial_weights(*network, start.weights.tensors, load);
  EXPECT_TRUE(report.missing.empty());
  network->eval();
  VitEngine engine(ours.view(), config, 1);
  const int side = engine.image_size();
  std::vector<float> images = test::random_images(2, side);
  const std::vector<float> expected = engine.logits(images, 2);
  torch::NoGradGuard no_grad;
  const auto logits = network(torch::from_blob(images.data(), {2, 3, side, side})).contiguous();
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(logits.data_ptr<float>()[i], expected[i], 2e-5f * (1 + std::abs(expected[i]))) << file << " " << i;
}

TEST(StartingPoint, ForeignFormsGiveTheSameLogits) {
  test::TempDir dir;
  const auto save = [&](const OwnTensors& tensors) {
    test::write_safetensors(dir / "w.safetensors", tensors);
    return dir / "w.safetensors";
  };
  const OwnTensors pooled = random_vit(), token = random_vit({.fc_norm = false});
  const nlohmann::json plain = {{"num_heads", 3}};
  expect_same_logits(save(pooled.under("module.encoder.")), pooled, plain, "avg");
  expect_same_logits(save(test::with_layer_scale(pooled)), pooled, plain, "avg");
  expect_same_logits(save(test::as_torchvision(token)), token, plain, "token");
  expect_same_logits(save(test::as_huggingface(token)), token, {{"num_heads", 3}, {"layer_norm_eps", 1e-12}}, "token");
  const OwnTensors large = random_vit({.depth = 1, .grid = 24});
  expect_same_logits(save(large), large, plain, "avg");
}

TEST(StartingPoint, AnotherEpsilonIsHonoured) {
  test::TempDir dir;
  const OwnTensors token = random_vit({.fc_norm = false});
  std::filesystem::create_directory(dir / "hf");
  test::write_safetensors(dir / "hf/model.safetensors", test::as_huggingface(token));
  write_file_atomic(dir / "hf/config.json",
                    std::string_view(R"({"model_type":"vit","num_attention_heads":3,"layer_norm_eps":0.001})"));
  expect_same_logits(dir / "hf", token, {{"num_heads", 3}, {"layer_norm_eps", 1e-3}}, "token");
}

TEST(StartingPoint, SaysWhatItAssumes) {
  test::TempDir dir;
  test::write_safetensors(dir / "w.safetensors", random_vit({.dim = 192, .depth = 1, .grid = 4, .classes = 1}));
  FinetuneRecipe recipe;
  recipe.init = (dir / "w.safetensors").string();
  recipe.global_pool = "avg";
  recipe.drop_path = 0;
  recipe.normalization = "init";
  recipe.img_size = 32;
  const StartingPoint start = starting_point(recipe, 2);
  std::string notes;
  for (const auto& note : start.notes) notes += note + "\n";
  for (const char* part :
       {"heads: 3 (assumed", "ImageNet's are assumed", "resized from 4 x 4 to 2 x 2", "left out: the head"})
    EXPECT_NE(notes.find(part), std::string::npos) << part << " in " << notes;
  EXPECT_EQ(start.network.img_size, 32);

  // A classifier of other things, with its norm elsewhere: both parts are new, and that is said.
  test::write_safetensors(dir / "w.safetensors", random_vit({.dim = 192, .depth = 1, .classes = 5, .fc_norm = false}));
  notes.clear();
  for (const auto& note : starting_point(recipe, 2).notes) notes += note + "\n";
  for (const char* part : {"a new 'fc_norm'", "a new one for 2 classes; the file's has 5 outputs"})
    EXPECT_NE(notes.find(part), std::string::npos) << part << " in " << notes;
  EXPECT_EQ(notes.find("class token"), std::string::npos) << notes;
}

TEST(StartingPoint, PretrainingRefusesANetworkOfAnotherDepthAndTakesTheHeads) {
  test::TempDir dir;
  test::write_safetensors(dir / "shallow.safetensors",
                          random_vit({.dim = 192, .depth = 2, .classes = 0, .fc_norm = false}));
  PretrainRecipe recipe;
  recipe.model = "tiny";
  recipe.img_size = 32;
  recipe.init = dir / "shallow.safetensors";
  EXPECT_NE(test::error_text([&] { adopt_initial_weights(recipe); }).find("depth 2"), std::string::npos);
  test::write_safetensors(dir / "deep.safetensors",
                          random_vit({.dim = 192, .depth = 12, .classes = 0, .fc_norm = false}));
  recipe.init = dir / "deep.safetensors";
  recipe.num_heads = 6;
  adopt_initial_weights(recipe);
  EXPECT_EQ(recipe.network().encoder.num_heads, 6);
  recipe.num_heads = 0;
  adopt_initial_weights(recipe);
  EXPECT_EQ(recipe.network().encoder.num_heads, 3);
}

}  // namespace
}  // namespace fsfm
