#include "engine/vit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "engine/vit_heads.h"
#include "support/error_text.h"
#include "support/paths.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

using test::error_text;

constexpr double kTolerance = 2e-5;

TensorFile golden(const std::string& name) { return read_safetensors(test::golden(name)); }

TensorMap with_prefix(const TensorFile& file, const std::string& prefix) {
  TensorMap tensors;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with(prefix)) tensors.emplace(name.substr(prefix.size()), tensor);
  return tensors;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - b[i]));
  return worst;
}

const nlohmann::json kTinyHeads = {{"num_heads", 3}};

TEST(VitEngine, EqualsTheReferenceWithBothPoolings) {
  const TensorFile file = golden("tiny-vit.safetensors");
  const std::vector<float> images = file.tensors.at("images").to_float();
  for (const std::string pool : {"avg", "cls"}) {
    VitEngine engine(with_prefix(file, pool + ".weights."), kTinyHeads);
    EXPECT_EQ(engine.layout().global_pool, pool == "avg" ? "avg" : "token");
    EXPECT_EQ(engine.image_size(), 64);
    EXPECT_LT(largest_difference(engine.features(images, 4), file.tensors.at(pool + ".features").to_float()),
              kTolerance);
    EXPECT_LT(largest_difference(engine.logits(images, 4), file.tensors.at(pool + ".logits").to_float()), kTolerance);
  }
}

TEST(VitEngine, AnswersDoNotDependOnTheBatchOrTheThreads) {
  const TensorFile file = golden("tiny-vit.safetensors");
  const std::vector<float> four = file.tensors.at("images").to_float();
  std::vector<float> images;
  for (int i = 0; i < 3; ++i) images.insert(images.end(), four.begin(), four.end());
  const int batch = 12;  // more than the engine takes at a time
  const TensorMap weights = with_prefix(file, "avg.weights.");
  VitEngine one(weights, kTinyHeads, 1), two(weights, kTinyHeads, 2);
  const std::vector<float> all = two.logits(images, batch);
  std::vector<float> single;
  for (int i = 0; i < batch; ++i) {
    const auto part = one.logits(std::span(images).subspan(static_cast<size_t>(i) * 3 * 64 * 64, 3 * 64 * 64), 1);
    single.insert(single.end(), part.begin(), part.end());
  }
  EXPECT_LT(largest_difference(all, single), 1e-6);
  EXPECT_TRUE(two.logits({}, 0).empty());
}

TEST(VitEngine, AdapterHeadEqualsTheReference) {
  const TensorFile file = golden("fs-adapter.safetensors");
  VitEngine engine(with_prefix(file, "weights."), kTinyHeads);
  EXPECT_TRUE(engine.layout().adapter);
  EXPECT_LT(
      largest_difference(engine.logits(file.tensors.at("images").to_float(), 4), file.tensors.at("logits").to_float()),
      kTolerance);
}

TEST(VitEngine, FasHeadEqualsTheReference) {
  const TensorFile file = golden("fas-head.safetensors");
  const auto& t = file.tensors;
  const TensorMap weights = {{"head.bottleneck.weight", t.at("bottleneck_w")},
                             {"head.bottleneck.bias", t.at("bottleneck_b")},
                             {"head.classifier.weight", t.at("classifier_w")},
                             {"head.classifier.bias", t.at("classifier_b")}};
  VitConfig layout{.img_size = 64, .patch_size = 16, .embed_dim = 48, .num_classes = 2, .global_pool = "fas"};
  OneDnn onednn;
  const auto head = make_vit_head(onednn, weights, layout);
  const std::vector<float> tokens = t.at("tokens").to_float(), reference = t.at("logits").to_float();
  const int batch = 5, count = layout.tokens();
  std::vector<float> pooled, expected;
  for (int b = 0; b < batch; ++b) {
    pooled.insert(pooled.end(), tokens.begin() + b * count * 48, tokens.begin() + b * count * 48 + 48);
    expected.insert(expected.end(), reference.begin() + b * count * 2, reference.begin() + b * count * 2 + 2);
  }
  EXPECT_LT(largest_difference(head->logits(pooled.data(), tokens.data(), batch), expected), kTolerance);
}

TEST(VitEngine, BadWeightsAreNamed) {
  const TensorFile file = golden("tiny-vit.safetensors");
  const TensorMap good = with_prefix(file, "avg.weights.");
  auto message = [](const TensorMap& tensors, const nlohmann::json& config = kTinyHeads) {
    return error_text([&] { VitEngine(tensors, config); });
  };
  EXPECT_EQ(message(good), "");
  TensorMap missing = good;
  missing.erase("blocks.1.attn.proj.bias");
  EXPECT_NE(message(missing).find("blocks.1.attn.proj.bias"), std::string::npos);
  TensorMap misshaped = good;
  misshaped["blocks.0.attn.qkv.weight"] = good.at("head.bias");
  EXPECT_NE(message(misshaped).find("blocks.0.attn.qkv.weight"), std::string::npos);
  EXPECT_NE(message(good, {}).find("attention heads"), std::string::npos);
  EXPECT_NE(message(good, {{"num_heads", 5}}).find("do not divide"), std::string::npos);
  EXPECT_NE(message(good, {{"num_heads", 3}, {"depth", 4}}).find("disagree on depth"), std::string::npos);
  TensorMap fas = good;
  fas["head.bottleneck.weight"] = {DType::f32, {}, good.at("head.bias").bytes.first(4)};  // a single number
  EXPECT_NE(message(fas).find("head.bottleneck.weight"), std::string::npos);
  fas["head.bottleneck.weight"] = good.at("head.weight");
  fas["head.classifier.weight"] = {DType::f32, {}, good.at("head.bias").bytes.first(4)};
  EXPECT_NE(message(fas).find("head.classifier.weight"), std::string::npos);
  VitEngine engine(good, kTinyHeads);
  EXPECT_NE(error_text([&] { engine.logits(std::vector<float>(10), 1); }).find("64 x 64"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
