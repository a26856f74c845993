#include "engine/vit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/rng.h"
#include "engine/vit_heads.h"
#include "kernels/packed_linear.h"
#include "model/quantized.h"
#include "model/vit_layout.h"
#include "support/error_text.h"
#include "support/paths.h"
#include "support/tiny_model.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

using test::error_text, test::with_prefix;

constexpr double kTolerance = 2e-5;

TensorFile golden(const std::string& name) { return read_safetensors(test::golden(name)); }

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
  OneDnn elsewhere(onednn.engine);
  EXPECT_EQ(head->for_thread_of(elsewhere)->logits(pooled.data(), tokens.data(), batch),
            head->logits(pooled.data(), tokens.data(), batch));
}

// All engines made of one give its answers, also at the same time.
TEST(VitEngine, EnginesThatShareWeightsWorkSideBySide) {
  const TensorFile plain = golden("tiny-vit.safetensors"), adapted = golden("fs-adapter.safetensors");
  const std::vector<std::pair<TensorMap, std::vector<float>>> networks = {
      {with_prefix(plain, "avg.weights."), plain.tensors.at("images").to_float()},
      {with_prefix(adapted, "weights."), adapted.tensors.at("images").to_float()}};
  for (const auto& [weights, images] : networks)
    for (const auto precision : {EnginePrecision::fp32, EnginePrecision::bf16, EnginePrecision::int8}) {
      if (precision == EnginePrecision::bf16 && !has_fast_bf16()) continue;
      std::optional<VitEngine> packed(std::in_place, weights, kTinyHeads, 1, precision);
      VitEngine first(*packed, 1), second(*packed, 1);
      const std::vector<float> expected = packed->logits(images, 4);
      packed.reset();  // the weights stay with those that use them
      EXPECT_EQ(first.precision(), precision);
      std::vector<float> beside;
      std::thread other([&] {
        for (int i = 0; i < 20; ++i) beside = second.logits(images, 4);
      });
      for (int i = 0; i < 20; ++i) EXPECT_EQ(first.logits(images, 4), expected);
      other.join();
      EXPECT_EQ(beside, expected);
      EXPECT_EQ(first.layout().adapter, infer_vit_config(weights, kTinyHeads).adapter);
    }
}

// The blocks of a trained transformer have a few channels of far larger magnitude than the rest.
std::map<std::string, HostTensor> weights_with_outliers(int dim, int depth) {
  std::map<std::string, HostTensor> weights;
  Rng rng(static_cast<uint64_t>(dim));
  const auto put = [&](const std::string& name, Shape shape, double spread, double mean = 0) {
    std::vector<float> values(static_cast<size_t>(element_count(shape)));
    const auto width = static_cast<size_t>(shape.back());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(mean + spread * rng.normal() * (mean != 0 && i % width % 97 == 0 ? 40 : 1));
    weights[name] = HostTensor::from_floats(std::move(shape), values);
  };
  const double usual = 1 / std::sqrt(dim);
  put("patch_embed.proj.weight", {dim, 3, 16, 16}, 0.02);
  put("patch_embed.proj.bias", {dim}, 0.02);
  put("cls_token", {1, 1, dim}, 0.5);
  put("pos_embed", {1, 1 + 14 * 14, dim}, 0.5);
  for (int i = 0; i < depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    for (const char* norm : {"norm1", "norm2"}) {
      put(block + norm + ".weight", {dim}, 0.1, 1);
      put(block + norm + ".bias", {dim}, 0.1);
    }
    const auto layer = [&](const char* name, int outputs, int inputs) {
      put(block + name + ".weight", {outputs, inputs}, usual);
      put(block + name + ".bias", {outputs}, 0.05);
    };
    layer("attn.qkv", 3 * dim, dim);
    layer("attn.proj", dim, dim);
    layer("mlp.fc1", 4 * dim, dim);
    layer("mlp.fc2", dim, 4 * dim);
  }
  put("fc_norm.weight", {dim}, 0.1, 1);
  put("fc_norm.bias", {dim}, 0.1);
  put("head.weight", {4, dim}, usual);
  put("head.bias", {4}, 0.1);
  return weights;
}

// Shapes of ViT-S, -B and -L, three blocks deep.
TEST(VitEngine, NarrowProductsStayCloseToFloat) {
  for (const auto& [dim, heads] : {std::pair{384, 6}, {768, 12}, {1024, 16}}) {
    const auto weights = weights_with_outliers(dim, 3);
    TensorMap views;
    for (const auto& [name, tensor] : weights) views.emplace(name, tensor.view());
    const nlohmann::json config = {{"num_heads", heads}};
    std::vector<float> images(2 * 3 * 224 * 224);
    Rng rng(1);
    for (float& value : images) value = static_cast<float>(rng.normal());
    const std::vector<float> exact = VitEngine(views, config, 2, EnginePrecision::fp32).logits(images, 2);
    double size = 0;
    for (const float value : exact) size = std::max(size, std::fabs(static_cast<double>(value)));
    VitEngine half(views, config, 2, EnginePrecision::bf16), bytes(views, config, 2, EnginePrecision::int8);
    EXPECT_EQ(bytes.precision(), EnginePrecision::int8);
    const double half_error = largest_difference(half.logits(images, 2), exact),
                 byte_error = largest_difference(bytes.logits(images, 2), exact);
    EXPECT_GT(half_error, 0);
    EXPECT_GT(byte_error, 0);
    EXPECT_LT(half_error, 0.02 * size) << dim;
    EXPECT_LT(byte_error, 0.05 * size) << dim;
    // One picture or two, in one thread or two: the same answer.
    const auto alone =
        VitEngine(views, config, 1, EnginePrecision::int8).logits(std::span(images).first(images.size() / 2), 1);
    EXPECT_LT(largest_difference(alone, {exact.begin(), exact.begin() + 4}), 0.05 * size);
  }
}

TEST(VitEngine, AFileInEightBitsIsTheNetworkItWasMadeFrom) {
  const TensorFile file = golden("tiny-vit.safetensors");
  const TensorMap floats = with_prefix(file, "avg.weights.");
  TensorMap bytes = floats;
  std::deque<QuantizedMatrix> matrices;
  for (const auto& [name, view] : floats) {
    if (!name.ends_with(".weight") || !is_quantized_layer(name.substr(0, name.size() - 7))) continue;
    const auto& matrix = matrices.emplace_back(
        quantize_matrix(view.to_float(), static_cast<int>(view.shape[0]), static_cast<int>(view.shape[1])));
    bytes[name] = {DType::i8, view.shape, std::as_bytes(std::span(matrix.values))};
    bytes[name + "_scale"] = {DType::f32, {view.shape[0]}, std::as_bytes(std::span(matrix.scales))};
  }
  ASSERT_EQ(matrices.size(), 4u * static_cast<size_t>(infer_vit_config(floats, kTinyHeads).depth));
  const std::vector<float> images = file.tensors.at("images").to_float();
  const std::vector<float> exact = VitEngine(floats, kTinyHeads, 1).logits(images, 4);
  EXPECT_LT(largest_difference(VitEngine(bytes, kTinyHeads, 1, EnginePrecision::int8).logits(images, 4),
                               VitEngine(floats, kTinyHeads, 1, EnginePrecision::int8).logits(images, 4)),
            1e-5);
  EXPECT_LT(largest_difference(VitEngine(bytes, kTinyHeads, 1, EnginePrecision::fp32).logits(images, 4), exact), 0.02);
  EXPECT_LT(largest_difference(VitEngine(bytes, kTinyHeads, 1).logits(images, 4), exact), 0.05);
  EXPECT_NE(VitEngine(bytes, kTinyHeads, 1).precision(), EnginePrecision::automatic);
  // Without its scales a matrix in eight bits is no matrix; elsewhere such a file is refused by name.
  bytes.erase("blocks.0.mlp.fc1.weight_scale");
  EXPECT_NE(error_text([&] { VitEngine(bytes, kTinyHeads, 1); }).find("without its scales"), std::string::npos);
  EXPECT_NE(error_text([&] { infer_vit_config(bytes, kTinyHeads); }).find("eight bits"), std::string::npos);
}

TEST(VitEngine, AttentionIsThatOfEachHead) {
  const TensorFile file = golden("tiny-vit.safetensors");
  TensorMap weights = with_prefix(file, "avg.weights.");
  const VitConfig layout = infer_vit_config(weights, kTinyHeads);
  const auto d = static_cast<size_t>(layout.embed_dim), tokens = static_cast<size_t>(layout.tokens()),
             heads = size_t{3};
  const std::vector<float> images = file.tensors.at("images").to_float();
  const auto one = std::span(images).first(images.size() / 4);
  const std::vector<float> before = VitEngine(weights, kTinyHeads, 1).logits(one, 1);
  VitEngine engine(weights, kTinyHeads, 2);
  const std::vector<float> real = engine.attention(one);
  ASSERT_EQ(real.size(), static_cast<size_t>(layout.depth) * heads * tokens * tokens);
  for (size_t row = 0; row < real.size() / tokens; ++row) {
    double sum = 0;
    for (size_t t = 0; t < tokens; ++t) sum += real[row * tokens + t];
    ASSERT_NEAR(sum, 1, 1e-5);
  }
  EXPECT_LT(largest_difference(engine.logits(one, 1), before), 1e-5);  // looking changes nothing

  // Tokens that are their positions alone; the first head asks for what it shows, the second for the opposite, the
  // third for nothing.
  Rng rng(3);
  std::vector<float> nothing(weights.at("patch_embed.proj.weight").to_float().size()), qkv(3 * d * d), bias(3 * d);
  std::vector<float> positions(weights.at("pos_embed").to_float().size());
  for (float& value : positions) value = static_cast<float>(rng.normal());
  const size_t head_dim = d / heads;
  for (size_t i = 0; i < 2 * head_dim; ++i) {
    qkv[i * d + i] = i < head_dim ? 20.0f : -20.0f;
    qkv[(d + i) * d + i] = 1;
  }
  const auto floats = [](std::vector<float>& values) { return std::as_bytes(std::span(values)); };
  std::vector<float> ones(d, 1.0f), zeros(d);
  weights["patch_embed.proj.weight"].bytes = floats(nothing);
  weights["patch_embed.proj.bias"].bytes = weights["cls_token"].bytes = floats(zeros);
  weights["pos_embed"].bytes = floats(positions);
  weights["blocks.0.attn.qkv.weight"].bytes = floats(qkv);
  weights["blocks.0.attn.qkv.bias"].bytes = floats(bias);
  weights["blocks.0.norm1.weight"].bytes = floats(ones);
  weights["blocks.0.norm1.bias"].bytes = floats(zeros);
  for (const auto& name :
       {"patch_embed.proj.weight", "patch_embed.proj.bias", "cls_token", "pos_embed", "blocks.0.attn.qkv.weight",
        "blocks.0.attn.qkv.bias", "blocks.0.norm1.weight", "blocks.0.norm1.bias"})
    weights[name].dtype = DType::f32;
  const std::vector<float> made = VitEngine(weights, kTinyHeads, 1).attention(one);
  for (size_t t = 0; t < tokens; ++t) {
    EXPECT_GT(made[t * tokens + t], 0.5) << t;
    EXPECT_LT(made[(tokens + t) * tokens + t], 0.01) << t;
    EXPECT_NEAR(made[(2 * tokens + t) * tokens + t], 1.0 / static_cast<double>(tokens), 1e-6);
  }
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
