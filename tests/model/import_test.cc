// Other people's vision transformers give the same logits after an import, or the tensor in the way is named.
#include "model/import.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "engine/vit.h"
#include "support/error_text.h"
#include "support/foreign_vit.h"
#include "support/pth_writer.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::as_huggingface;
using test::as_torchvision;
using test::error_text;
using test::OwnTensors;
using test::random_vit;
using test::with_layer_scale;
namespace pkl = test::pkl;

class Import : public testing::Test {
 protected:
  fs::path path(const std::string& name) const { return dir_ / name; }
  fs::path save(const OwnTensors& tensors, const std::string& name = "w.safetensors") const {
    test::write_safetensors(path(name), tensors);
    return path(name);
  }
  void config(const std::string& text) const { write_file_atomic(path("config.json"), std::string_view(text)); }

  static std::vector<float> logits(const TensorMap& tensors, const nlohmann::json& config) {
    VitEngine engine(tensors, config, 1);
    return engine.logits(test::random_images(2, engine.image_size()), 2);
  }
  static std::vector<float> imported_logits(const fs::path& file, ImportRequest request = {.num_heads = 3}) {
    const Weights weights = import_weights(file, request);
    return logits(weights.tensors, weights.facts.config);
  }
  static std::vector<float> own_logits(const OwnTensors& ours, double eps = 1e-6) {
    return logits(ours.view(), {{"num_heads", 3}, {"layer_norm_eps", eps}});
  }
  static void expect_equal(const std::vector<float>& a, const std::vector<float>& b, float tolerance = 1e-5f) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << i;
  }
  static std::string notes(const fs::path& file, ImportRequest request = {.num_heads = 3}) {
    std::string text;
    for (const auto& note : import_weights(file, request).notes) text += note + "\n";
    return text;
  }
  static std::string error(const fs::path& file, ImportRequest request = {.num_heads = 3}) {
    return error_text([&] { import_weights(file, request); });
  }
  test::TempDir dir_;
};

TEST_F(Import, LayerScalesAreMultipliedIn) {
  const OwnTensors ours = random_vit();
  for (const auto& [first, second] : {std::pair{"ls1.gamma", "ls2.gamma"}, std::pair{"gamma_1", "gamma_2"}}) {
    const fs::path file = save(with_layer_scale(ours, first, second));
    expect_equal(imported_logits(file), own_logits(ours));
    EXPECT_NE(notes(file).find("layer scale"), std::string::npos);
  }
}

TEST_F(Import, HuggingFaceNamesGiveTheSameLogits) {
  const OwnTensors ours = random_vit({.fc_norm = false});
  for (const std::string prefix : {"vit.", "", "model.vit."}) {
    const fs::path file = save(as_huggingface(ours, prefix));
    expect_equal(imported_logits(file), own_logits(ours, 1e-12));
  }
  OwnTensors pooled = as_huggingface(random_vit({.classes = 0, .fc_norm = false}), "");
  pooled.put_filled("pooler.dense.weight", {48, 48}, 1);
  EXPECT_NE(notes(save(pooled)).find("left out: pooler.* (1 tensor)"), std::string::npos);
}

TEST_F(Import, ConfigOfHuggingFaceSetsHeadsEpsilonLabelsAndInput) {
  const OwnTensors ours = random_vit({.fc_norm = false});
  const std::string sizes =
      R"("hidden_size":48,"num_hidden_layers":2,"intermediate_size":192,"patch_size":16,"image_size":32,"num_channels":3)";
  config(R"({"model_type":"vit","num_attention_heads":6,"layer_norm_eps":1e-3,"hidden_act":"gelu",)" + sizes +
         R"(,"id2label":{"0":"Real","1":"Deepfake"}})");
  write_file_atomic(path("preprocessor_config.json"),
                    std::string_view(R"({"image_mean":[0.5,0.5,0.5],"image_std":[0.25,0.5,0.5],"do_resize":true,
                      "size":{"height":32,"width":32},"resample":2,"do_rescale":true,"rescale_factor":0.00392156862745098})"));
  save(as_huggingface(ours));
  for (const fs::path& file : {path("w.safetensors"), dir_.path()}) {  // the file or its folder
    const Weights weights = import_weights(file, {});
    expect_equal(logits(weights.tensors, weights.facts.config),
                 logits(ours.view(), {{"num_heads", 6}, {"layer_norm_eps", 1e-3}}));
    EXPECT_EQ(weights.facts.classes, (std::vector<std::string>{"Real", "Deepfake"}));
    const ModelCard card = make_card(weights, file, {.classes = weights.facts.classes, .attack_classes = {"Deepfake"}});
    EXPECT_EQ(card.resize, "pillow-bilinear-32");
    EXPECT_EQ(card.std[0], 0.25f);
    EXPECT_EQ(card.config["layer_norm_eps"], 1e-3);
    EXPECT_EQ(card.config["num_heads"], 6);
  }
  // The epsilon counts: without it the logits are others.
  EXPECT_GT(std::abs(own_logits(ours, 1e-3)[0] - own_logits(ours)[0]), 1e-5f);

  config(R"({"model_type":"vit","hidden_act":"quick_gelu",)" + sizes + "}");
  EXPECT_NE(error(path("w.safetensors")).find("quick_gelu"), std::string::npos);
  config(R"({"model_type":"vit","num_attention_heads":3,"problem_type":"multi_label_classification"})");
  EXPECT_NE(error(path("w.safetensors")).find("multi_label_classification"), std::string::npos);
  EXPECT_EQ(error(path("w.safetensors"), {.with_head = false}), "");
  config(R"({"model_type":"vit","hidden_size":64})");
  EXPECT_NE(error(path("w.safetensors")).find("'hidden_size' is 64, but the tensors show 48"), std::string::npos);
  config(R"({"model_type":"swin"})");
  EXPECT_NE(error(path("w.safetensors")).find("'swin'"), std::string::npos);
  config("{");
  EXPECT_NE(error(path("w.safetensors")).find("config.json"), std::string::npos);
}

TEST_F(Import, ConfigOfTimmSetsHeadsAndInput) {
  const OwnTensors ours = random_vit({.fc_norm = false});
  save(ours);
  config(R"({"architecture":"vit_tiny_patch16_224","num_classes":2,"global_pool":"token","pretrained_cfg":{
    "mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"crop_pct":0.9,"interpolation":"bicubic","label_names":["live","print"]}})");
  const Weights weights = import_weights(path("w.safetensors"), {});
  EXPECT_EQ(weights.facts.config["num_heads"], 3);
  EXPECT_EQ(weights.facts.view, "pillow-bicubic-35-crop-32");
  EXPECT_EQ(weights.facts.classes, (std::vector<std::string>{"live", "print"}));
  EXPECT_EQ((*weights.facts.mean)[0], 0.5f);
  config(R"({"architecture":"vit_tiny_patch16_224","global_pool":"avg"})");  // the norm comes before the pooling
  EXPECT_NE(error(path("w.safetensors")).find("global_pool"), std::string::npos);
  config(R"({"architecture":"vit_base_patch16_clip_quickgelu_224"})");
  EXPECT_NE(error(path("w.safetensors")).find("quickgelu"), std::string::npos);
}

TEST_F(Import, TorchvisionNamesGiveTheSameLogits) {
  const OwnTensors ours = random_vit({.fc_norm = false});
  expect_equal(imported_logits(save(as_torchvision(ours))), own_logits(ours));
}

TEST_F(Import, PrefixesAndWrappersAreTakenOff) {
  const OwnTensors ours = random_vit();
  const std::vector<float> expected = own_logits(ours);
  for (const std::string prefix : {"module.", "_orig_mod.", "model.", "backbone.", "encoder.", "vit.", "base_model.",
                                   "net.", "_orig_mod.module.model.", "module.backbone.vit."}) {
    const fs::path file = save(ours.under(prefix));
    expect_equal(imported_logits(file), expected, 0);
    EXPECT_NE(notes(file).find("'" + prefix + "' taken off"), std::string::npos);
  }
  for (const std::string wrapper : {"model", "state_dict", "model_state_dict", "net", "ema", "anything"}) {
    test::write_pth(path("w.pth"), ours.under(wrapper + "::module."), {{"epoch", pkl::integer(3)}});
    expect_equal(imported_logits(path("w.pth")), expected, 0);
  }
  // The head stands around the network.
  OwnTensors around = ours.under("module.backbone.");
  for (const char* part : {"weight", "bias"}) {
    auto node = around.tensors.extract(std::string("module.backbone.head.") + part);
    node.key() = std::string("module.classifier.1.") + part;
    around.tensors.insert(std::move(node));
  }
  expect_equal(imported_logits(save(around)), expected, 0);
}

TEST_F(Import, SeveralNetworksAreAskedAbout) {
  const OwnTensors first = random_vit({.seed = 1}), second = random_vit({.seed = 2});
  const auto check = [&](const fs::path& file, const std::string& a, const std::string& b) {
    const std::string asked = error(file);
    EXPECT_NE(asked.find("several networks"), std::string::npos) << asked;
    EXPECT_NE(asked.find(a + " ("), std::string::npos) << asked;
    EXPECT_NE(asked.find("--weights-key"), std::string::npos) << asked;
    expect_equal(imported_logits(file, {.key = a, .num_heads = 3}), own_logits(first), 0);
    expect_equal(imported_logits(file, {.key = b, .num_heads = 3}), own_logits(second), 0);
    EXPECT_NE(error(file, {.key = "nobody", .num_heads = 3}).find("'nobody'"), std::string::npos);
  };
  test::write_pth(path("w.pth"), first.under("model::").with(second.under("model_ema::")));
  check(path("w.pth"), "model", "model_ema");
  check(save(first.under("student.backbone.").with(second.under("teacher.backbone."))), "student", "teacher");
  check(save(first.under("online.").with(second.under("target."))), "online", "target");
  check(save(first.with(second.under("ema."))), ".", "ema");
}

TEST_F(Import, WhatChangesTheFeaturesIsRefusedByName) {
  const OwnTensors ours = random_vit();
  for (const std::string name :
       {"reg_token", "register_tokens", "dist_token", "head_dist.weight", "norm_pre.weight", "patch_embed.norm.weight",
        "blocks.0.attn.q_norm.weight", "blocks.1.attn.k_norm.weight", "blocks.0.attn.norm.weight",
        "blocks.0.mlp.norm.weight", "blocks.0.mlp.w12.weight", "blocks.0.mlp.fc1_g.weight",
        "blocks.0.attn.relative_position_bias_table", "blocks.0.attn.q_bias", "blocks.0.something", "rope.freqs",
        "blocks.0.ls3.gamma", "blocks.7.norm1.weight", "neck.weight"}) {
    OwnTensors theirs = ours;
    theirs.put_filled(name, {48}, 1);
    const std::string message = error(save(theirs));
    EXPECT_NE(message.find("'" + name + "'"), std::string::npos) << name << ": " << message;
    EXPECT_NE(error(path("w.safetensors"), {.num_heads = 3, .with_head = false}), "") << name;
    // The engine refuses it as well: a model file may have been put together by hand.
    EXPECT_NE(error_text([&] { logits(theirs.view(), {{"num_heads", 3}}); }).find(name), std::string::npos) << name;
  }
  for (const std::string name : {"pos_embed", "cls_token", "blocks.0.attn.proj.bias", "blocks.1.mlp.fc1.weight"}) {
    OwnTensors theirs = ours;
    theirs.tensors.erase(name);
    EXPECT_NE(error(save(theirs)).find(name), std::string::npos) << name;
  }
}

TEST_F(Import, WhatIsOfNoUseIsLeftOutWithAWord) {
  OwnTensors theirs = random_vit();
  const std::vector<float> expected = own_logits(theirs);
  theirs.put_filled("mask_token", {1, 1, 48}, 1);
  theirs.put_filled("decoder_embed.weight", {32, 48}, 1);
  theirs.put_filled("decoder_blocks.0.norm1.weight", {32}, 1);
  const fs::path file = save(theirs);
  EXPECT_NE(notes(file).find("left out: decoder_blocks.*, decoder_embed.*, mask_token (3 tensors)"), std::string::npos)
      << notes(file);
  expect_equal(imported_logits(file), expected, 0);
  EXPECT_EQ(import_weights(file, {.num_heads = 3}).tensors.count("mask_token"), 0u);
}

TEST_F(Import, MissingBiasesAreZero) {
  OwnTensors ours = random_vit(), theirs = ours;
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    ours.put_filled(std::string(block) + "attn.qkv.bias", {144}, 0);
    theirs.tensors.erase(std::string(block) + "attn.qkv.bias");
  }
  const fs::path file = save(theirs);
  expect_equal(imported_logits(file), own_logits(ours), 0);
  EXPECT_NE(notes(file).find("attn.qkv"), std::string::npos);
}

TEST_F(Import, PositionsWithoutOneForTheClassToken) {
  OwnTensors ours = random_vit(), theirs = ours;
  std::vector<float> table = ours.tensors.at("pos_embed").view().to_float();
  theirs.put("pos_embed", {1, 4, 48}, {table.begin() + 48, table.end()});
  std::fill(table.begin(), table.begin() + 48, 0.0f);
  ours.put("pos_embed", {1, 5, 48}, table);
  expect_equal(imported_logits(save(theirs)), own_logits(ours), 0);
}

TEST_F(Import, OneOutputBecomesTwoWithTheSameProbability) {
  const OwnTensors ours = random_vit({.classes = 1});
  const fs::path file = save(ours);
  const Weights weights = import_weights(file, {.num_heads = 3});
  EXPECT_EQ(weights.outputs, 1);
  const std::vector<float> two = logits(weights.tensors, weights.facts.config), one = own_logits(ours);
  ASSERT_EQ(two.size(), 4u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(two[2 * i], 0.0f);
    EXPECT_NEAR(two[2 * i + 1], one[i], 1e-6f);
  }
  EXPECT_NE(error_text([&] { make_card(weights, file, {}); }).find("--classes"), std::string::npos);
  const ModelCard card = make_card(weights, file, {.classes = {"real", "fake"}, .attack_classes = {"fake"}});
  EXPECT_EQ(card.config["num_classes"], 2);
  // As a start for training the head is of no use: what it says yes to is not known.
  EXPECT_EQ(import_weights(file, {.num_heads = 3, .with_head = false}).tensors.count("head.weight"), 0u);
}

TEST_F(Import, HeadsUnderOtherNames) {
  const OwnTensors ours = random_vit();
  for (const std::string name : {"fc.", "classifier.", "head.fc.", "classifier.1.", "heads.head.", "head.1."}) {
    const OwnTensors theirs =
        ours.renamed([&](const std::string& own) { return own.starts_with("head.") ? name + own.substr(5) : own; });
    expect_equal(imported_logits(save(theirs)), own_logits(ours), 0);
  }
  OwnTensors deep =
      ours.renamed([](const std::string& own) { return own.starts_with("head.") ? "head.0." + own.substr(5) : own; });
  deep.put_filled("head.2.weight", {2, 2}, 1);
  EXPECT_NE(error(save(deep)).find("head.0.bias, head.0.weight, head.2.weight"), std::string::npos)
      << error(path("w.safetensors"));
  EXPECT_NE(notes(path("w.safetensors"), {.num_heads = 3, .with_head = false}).find("left out: head.*"),
            std::string::npos);
}

TEST_F(Import, HeadsOfAttentionAreSaidOrAskedFor) {
  const fs::path tiny = save(random_vit({.dim = 192, .depth = 1}), "tiny.safetensors");
  EXPECT_NE(notes(tiny, {}).find("heads: 3 (assumed"), std::string::npos) << notes(tiny, {});
  const OwnTensors small = random_vit({.dim = 384, .depth = 1});
  const fs::path file = save(small, "small.safetensors");
  EXPECT_NE(error(file, {}).find("--num-heads 6 or --num-heads 12"), std::string::npos) << error(file, {});
  EXPECT_NE(notes(file, {.num_heads = 6}).find("heads: 6 (stated)"), std::string::npos);
  const auto args = [](const std::string& key, const std::string& model) {
    return std::pair<std::string, std::string>{"args", pkl::dict({{key, pkl::text(model)}})};
  };
  const auto heads = [&](const fs::path& path) { return import_weights(path, {}).facts.config["num_heads"]; };
  test::write_pth(path("ours.pth"), small.under("model::"), {args("model", "vit_small_patch16")});
  EXPECT_EQ(heads(path("ours.pth")), 12);
  test::write_pth(path("deit.pth"), small.under("model::"), {args("model", "deit_small_patch16_224")});
  EXPECT_EQ(heads(path("deit.pth")), 6);
  test::write_pth(path("moco.pth"), small.under("state_dict::module.base_encoder."), {});
  EXPECT_EQ(heads(path("moco.pth")), 12);
  // timm's first ViT-Small: width 768 with 8 heads and a narrower mixer.
  OwnTensors old = random_vit({.dim = 768, .depth = 1});
  old.put_filled("blocks.0.mlp.fc1.weight", {2304, 768}, 0);
  old.put_filled("blocks.0.mlp.fc1.bias", {2304}, 0);
  old.put_filled("blocks.0.mlp.fc2.weight", {768, 2304}, 0);
  EXPECT_NE(error(save(old, "old.safetensors"), {}).find("--num-heads"), std::string::npos);
}

TEST_F(Import, LargerPositionTablesSetTheInput) {
  const OwnTensors ours = random_vit({.depth = 1, .grid = 24});
  const fs::path file = save(ours);
  expect_equal(imported_logits(file), own_logits(ours), 0);
  const Weights weights = import_weights(file, {.num_heads = 3});
  EXPECT_EQ(make_card(weights, file, {}).resize, "pillow-bicubic-384");
  EXPECT_EQ(published_view(224), "pillow-bicubic-256-crop-224");
  EXPECT_EQ(published_view(64), "pillow-bicubic-73-crop-64");
  EXPECT_EQ(published_view(256), whole_view(256));
}

TEST_F(Import, QuantisedWeightsAreRefused) {
  OwnTensors theirs = random_vit();
  theirs.tensors["blocks.0.mlp.fc1.weight"] = {DType::i8, {192, 48}, std::vector<std::byte>(192 * 48)};
  EXPECT_NE(error(save(theirs)).find("'blocks.0.mlp.fc1.weight' holds numbers of type I8"), std::string::npos);
}

TEST_F(Import, ShardedCheckpointsOfHuggingFace) {
  const OwnTensors ours = random_vit({.fc_norm = false}), theirs = as_huggingface(ours);
  OwnTensors parts[2];
  std::string map;
  for (const auto& [name, tensor] : theirs.tensors) {
    const size_t part = name.find("layer.1") != std::string::npos;
    parts[part].tensors.emplace(name, tensor);
    map += (map.empty() ? "\"" : ",\"") + name + "\":\"pytorch_model-" + std::to_string(part) + ".bin\"";
  }
  for (int i = 0; i < 2; ++i) test::write_pth(path("pytorch_model-" + std::to_string(i) + ".bin"), parts[i]);
  write_file_atomic(path("pytorch_model.bin.index.json"), std::string_view("{\"weight_map\":{" + map + "}}"));
  for (const fs::path& file : {path("pytorch_model.bin.index.json"), dir_.path()})
    expect_equal(imported_logits(file), own_logits(ours, 1e-12));
}

TEST_F(Import, RepackedCheckpointsAreReadTensorByTensor) {
  const OwnTensors ours = random_vit();
  test::write_pth(path("w.pth"), ours.under("model::"), {}, /*deflate=*/true);
  expect_equal(imported_logits(path("w.pth")), own_logits(ours), 0);
  EXPECT_EQ(read_weights(path("w.pth")).compressed.size(), ours.tensors.size());
}

}  // namespace
}  // namespace fsfm
