#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "engine/vit.h"
#include "model/model_file.h"
#include "support/bad_files.h"
#include "support/foreign_vit.h"
#include "support/paths.h"
#include "support/pth_writer.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "tensorio/npy.h"
#include "tensorio/pth.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

using test::run_cli;
using test::TempDir;

std::string golden(const std::string& name) { return test::golden(name).string(); }

void expect_same_tensors(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    ASSERT_TRUE(b.contains(name)) << name;
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, b.at(name).bytes)) << name;
  }
}

TEST(Convert, DetectorThereAndBack) {
  TempDir dir;
  const std::string model = (dir / "d.safetensors").string(), bare = (dir / "bare.safetensors").string();
  fs::copy_file(golden("tiny-detector.pth"), dir / "d.pth");
  write_file_atomic(dir / "pretrain_ds_mean_std.txt",
                    std::string_view(R"({"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3]})"));
  const auto there = run_cli({"convert", (dir / "d.pth").string(), model, "--num-heads", "3"});
  ASSERT_EQ(there.exit_code, 0) << there.err;
  EXPECT_NE(there.out.find("attack: fake (assumed"), std::string::npos) << there.out;
  const ModelFile file = ModelFile::open(model);
  const ModelCard& card = file.card();
  EXPECT_EQ(card.kind, "detector");
  EXPECT_EQ(card.classes, (std::vector<std::string>{"fake", "real"}));
  EXPECT_EQ(card.attack_classes, std::vector<std::string>{"fake"});
  EXPECT_EQ(card.config["embed_dim"], 48);
  EXPECT_EQ(card.config["global_pool"], "avg");
  EXPECT_EQ(card.resize, "pillow-bicubic-73-crop-64");
  EXPECT_EQ(card.mean[0], 0.5f);
  EXPECT_EQ(card.training["source"]["epoch"], 9);
  EXPECT_EQ(card.training["source"]["args"]["epochs"], 400);
  expect_same_tensors(state_dict(read_pth(golden("tiny-detector.pth"))), file.tensors());

  const auto back = run_cli({"convert", model, bare});
  ASSERT_EQ(back.exit_code, 0) << back.err;
  const TensorFile plain = read_safetensors(bare);
  EXPECT_FALSE(plain.metadata.contains("fsfm.card"));
  expect_same_tensors(file.tensors(), plain.tensors);
}

TEST(Convert, PretrainingNetworksKeepTheirSizes) {
  TempDir dir;
  const std::string model = (dir / "p.safetensors").string();
  const auto result =
      run_cli({"convert", golden("tiny-online.pth"), model, "--num-heads", "3", "--decoder-heads", "4"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ModelFile file = ModelFile::open(model);
  const nlohmann::json& config = file.card().config;
  EXPECT_EQ(file.card().architecture, "fsfm");
  EXPECT_EQ(config["decoder_embed_dim"], 32);
  EXPECT_EQ(config["decoder_depth"], 2);
  EXPECT_EQ(config["rep_decoder_depth"], 2);
  EXPECT_EQ(config["projection_size"], 24);
  EXPECT_EQ(config["projection_hidden_size"], 64);
  EXPECT_EQ(config["mlp_ratio"], 4.0);
}

TEST(Convert, AntiSpoofingModelsOfTheAuthorsKeepTheirHead) {
  TempDir dir;
  const TensorFile golden_vit = read_safetensors(golden("tiny-vit.safetensors"));
  const HostTensor bottleneck = HostTensor::from_floats({512, 48}, std::vector<float>(512 * 48, 0.5f)),
                   bottleneck_bias = HostTensor::from_floats({512}, std::vector<float>(512, 0.1f)),
                   classifier = HostTensor::from_floats({2, 512}, std::vector<float>(2 * 512, 0.25f)),
                   classifier_bias = HostTensor::from_floats({2}, std::vector<float>(2, 0.0f));
  TensorMap theirs = {{"embedder.bottleneck_layer_fc.weight", bottleneck.view()},
                      {"embedder.bottleneck_layer_fc.bias", bottleneck_bias.view()},
                      {"embedder.bottleneck_layer.0.weight", bottleneck.view()},
                      {"embedder.bottleneck_layer.0.bias", bottleneck_bias.view()},
                      {"classifier.classifier_layer.weight", classifier.view()},
                      {"classifier.classifier_layer.bias", classifier_bias.view()}};
  const std::string prefix = "avg.weights.";
  for (const auto& [name, tensor] : golden_vit.tensors)
    if (name.starts_with(prefix) && name.find("head.") == std::string::npos)
      theirs.emplace("backbone.vit." + name.substr(prefix.size()), tensor);
  write_safetensors(dir / "theirs.safetensors", theirs);
  const std::string model = (dir / "d.safetensors").string();
  const auto result = run_cli({"convert", (dir / "theirs.safetensors").string(), model, "--num-heads", "3"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const ModelFile file = ModelFile::open(model);
  EXPECT_EQ(file.card().task, "fas");
  EXPECT_EQ(file.card().config["global_pool"], "fas");
  EXPECT_EQ(file.card().classes, (std::vector<std::string>{"spoof", "live"}));
  EXPECT_EQ(file.card().attack_classes, std::vector<std::string>{"spoof"});
  EXPECT_EQ(file.tensor("head.classifier.weight").to_float()[0], 0.25f);
}

TEST(Convert, ClassOrderIsTheUsers) {
  TempDir dir;
  const std::string model = (dir / "d.safetensors").string();
  ASSERT_EQ(run_cli({"convert", golden("tiny-detector.pth"), model, "--num-heads", "3", "--classes", "real", "spoof"})
                .exit_code,
            0);
  EXPECT_EQ(ModelFile::open(model).card().attack_classes, std::vector<std::string>{"spoof"});
  const auto three =
      run_cli({"convert", golden("tiny-detector.pth"), model, "--num-heads", "3", "--classes", "a", "b", "c"});
  EXPECT_EQ(three.exit_code, 2);
  EXPECT_NE(three.err.find("2 classes, but 3"), std::string::npos) << three.err;
}

TEST(Convert, BadInputIsOneLineAndLeavesNothing) {
  TempDir dir;
  const std::string out = (dir / "o.safetensors").string();
  const std::string whole = read_file(golden("tiny-detector.pth"));
  write_file_atomic(dir / "cut.pth", std::string_view(whole).substr(0, whole.size() / 2));
  write_file_atomic(dir / "text.pth", std::string_view("hello"));
  namespace pkl = test::pkl;
  write_file_atomic(dir / "evil.pth",
                    std::string_view(test::checkpoint(pkl::call(
                        pkl::global("os", "system"), pkl::tuple({pkl::text("touch " + (dir / "canary").string())})))));
  const size_t before = dir.count();
  for (const std::string name : {"cut.pth", "text.pth", "evil.pth", "absent.pth"}) {
    const auto result = run_cli({"convert", (dir / name).string(), out, "--num-heads", "3"});
    EXPECT_EQ(result.exit_code, 2) << name;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.err.find(name), std::string::npos) << result.err;
  }
  EXPECT_EQ(dir.count(), before);
  const auto unwritable =
      run_cli({"convert", golden("tiny-detector.pth"), (dir / "none" / "o.safetensors").string(), "--num-heads", "3"});
  EXPECT_EQ(unwritable.exit_code, 2);
  EXPECT_EQ(run_cli({"convert", golden("tiny-detector.pth"), (dir / "o.txt").string()}).exit_code, 2);
  EXPECT_NE(run_cli({"convert", golden("tiny-detector.pth"), out}).err.find("--num-heads"), std::string::npos);
}

TEST(Convert, AsksWhatNothingSays) {
  TempDir dir;
  const std::string out = (dir / "m.safetensors").string();
  const auto convert = [&](const test::OwnTensors& weights, std::vector<std::string> more) {
    test::write_safetensors(dir / "w.safetensors", weights);
    std::vector<std::string> args = {"convert", (dir / "w.safetensors").string(), out};
    args.insert(args.end(), more.begin(), more.end());
    return run_cli(args);
  };
  const test::OwnTensors small = test::random_vit({.dim = 384, .depth = 1});
  test::expect_one_line(convert(small, {}), {"--num-heads 6 or --num-heads 12"});
  EXPECT_FALSE(fs::exists(out));
  for (const char* spelling : {"--num-heads", "--heads"}) {  // as it is called and as it was
    const auto six = convert(small, {spelling, "6"});
    EXPECT_EQ(six.exit_code, 0) << six.err;
    EXPECT_NE(six.out.find("heads: 6 (stated)"), std::string::npos) << six.out;
  }

  const test::OwnTensors one = test::random_vit({.classes = 1});
  test::expect_one_line(convert(one, {"--num-heads", "3"}), {"one output", "--classes real fake"});
  const auto named = convert(one, {"--num-heads", "3", "--classes", "live", "spoof"});
  EXPECT_EQ(named.exit_code, 0) << named.err;
  EXPECT_EQ(ModelFile::open(out).card().attack_classes, std::vector<std::string>{"spoof"});
  EXPECT_NE(run_cli({"info", (dir / "w.safetensors").string()}).out.find("state it: --num-heads"), std::string::npos);

  // Hugging Face's names of classes that nobody named.
  fs::create_directory(dir / "hf");
  test::write_safetensors(dir / "hf/model.safetensors", test::as_huggingface(test::random_vit({.fc_norm = false})));
  write_file_atomic(dir / "hf/config.json", std::string_view(R"({"model_type":"vit","num_attention_heads":3,
    "id2label":{"0":"LABEL_0","1":"LABEL_1"}})"));
  const auto labels = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = {"convert", (dir / "hf").string(), out};
    args.insert(args.end(), more.begin(), more.end());
    return run_cli(args);
  };
  const auto nameless = labels({});
  EXPECT_EQ(nameless.exit_code, 2);
  EXPECT_NE(nameless.err.find("LABEL_0"), std::string::npos) << nameless.err;
  const auto stated = labels({"--attack-classes", "LABEL_1"});
  EXPECT_EQ(stated.exit_code, 0) << stated.err;
  EXPECT_EQ(ModelFile::open(out).card().attack_classes, std::vector<std::string>{"LABEL_1"});
}

TEST(Convert, LabelNamesBesideTheWeightsAreTheClasses) {
  TempDir dir;
  fs::create_directory(dir / "hf");
  test::write_safetensors(dir / "hf/model.safetensors", test::as_huggingface(test::random_vit({.fc_norm = false})));
  write_file_atomic(dir / "hf/config.json", std::string_view(R"({"model_type":"vit","num_attention_heads":3,
    "id2label":{"0":"Real","1":"Fake"}})"));
  const std::string out = (dir / "m.safetensors").string();
  const auto result = run_cli({"convert", (dir / "hf").string(), out});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("classes: Real, Fake; attack: Fake (named in config.json)"), std::string::npos)
      << result.out;
  test::write_bad_files(dir.path());
  test::expect_one_line(run_cli({"detect", (dir / "wall.png").string(), "--model", (dir / "hf").string()}),
                        {"fsfm convert"});
}

TEST(Convert, TheOrderOfTwoUnnamedClassesIsTheAuthorsOrAskedFor) {
  TempDir dir;
  const std::string out = (dir / "m.safetensors").string();
  const auto convert = [&](const fs::path& in, std::vector<std::string> more = {}) {
    fs::remove(out);
    std::vector<std::string> args = {"convert", in.string(), out, "--num-heads", "3"};
    args.insert(args.end(), more.begin(), more.end());
    return run_cli(args);
  };
  const test::OwnTensors pooled = test::random_vit(), token = test::random_vit({.fc_norm = false});
  const fs::path in = dir / "w.safetensors";
  test::write_safetensors(in, pooled);
  const auto authors = convert(in);
  EXPECT_EQ(authors.exit_code, 0) << authors.err;
  EXPECT_NE(authors.err.find("is assumed"), std::string::npos) << authors.err;
  test::write_bad_files(dir.path());  // among them a photo
  const auto verdict = run_cli({"detect", (dir / "wall.png").string(), "--model", out});
  EXPECT_NE(verdict.err.find("is assumed"), std::string::npos) << verdict.err;

  for (const auto& strangers :
       {token, pooled.under("backbone."), test::as_huggingface(token), test::as_torchvision(token)}) {
    test::write_safetensors(in, strangers);
    const auto asked = convert(in);
    test::expect_one_line(asked, {"--classes"});
    EXPECT_FALSE(fs::exists(out));
    const auto told = convert(in, {"--classes", "real", "fake"});
    EXPECT_EQ(told.exit_code, 0) << told.err;
    EXPECT_EQ(told.err.find("assumed"), std::string::npos) << told.err;
  }
  // timm says itself that the file is of its own.
  test::write_safetensors(in, pooled);
  write_file_atomic(dir / "config.json",
                    std::string_view(R"({"architecture":"vit_tiny_patch16_224","global_pool":"avg"})"));
  test::expect_one_line(convert(in), {"--classes"});
}

TEST(Convert, ClassesThatTheFileStatesAreTaken) {
  TempDir dir;
  namespace pkl = test::pkl;
  const std::string out = (dir / "m.safetensors").string();
  const auto converted = [&](const fs::path& in) {
    const auto result = run_cli({"convert", in.string(), out, "--num-heads", "3"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err.find("assumed"), std::string::npos) << result.err;
    return ModelFile::open(out).card();
  };
  const test::OwnTensors weights = test::random_vit().under("model::");
  const std::string real_first = pkl::dict({{"real", pkl::integer(0)}, {"fake", pkl::integer(1)}});
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"class_to_idx", real_first},
                                   {"args", pkl::dict({{"class_to_idx", real_first}})}}) {
    test::write_pth(dir / "w.pth", weights, {{key, value}});
    const ModelCard card = converted(dir / "w.pth");
    EXPECT_EQ(card.classes, (std::vector<std::string>{"real", "fake"}));
    EXPECT_EQ(card.attack_classes, std::vector<std::string>{"fake"});
    EXPECT_EQ(card.training["class_order"], "named in the file's 'class_to_idx'");
  }
  const test::OwnTensors bare = test::random_vit();
  write_safetensors(dir / "w.safetensors", bare.view(), {{"id2label", R"({"0": "live", "1": "spoof"})"}});
  EXPECT_EQ(converted(dir / "w.safetensors").attack_classes, std::vector<std::string>{"spoof"});
  write_safetensors(dir / "w.safetensors", bare.view(), {{"classes", R"(["Deepfake", "Real"])"}});
  EXPECT_EQ(converted(dir / "w.safetensors").attack_classes, std::vector<std::string>{"Deepfake"});
}

TEST(Convert, OtherInputSizesResizeThePositions) {
  TempDir dir;
  test::write_safetensors(dir / "w.safetensors", test::random_vit({.depth = 1, .grid = 24}));
  const std::string in = (dir / "w.safetensors").string(), out = (dir / "m.safetensors").string();
  ASSERT_EQ(run_cli({"convert", in, out, "--num-heads", "3"}).exit_code, 0);
  EXPECT_EQ(ModelFile::open(out).card().resize, "pillow-bicubic-384");
  const auto result = run_cli({"convert", in, out, "--num-heads", "3", "--img-size", "224"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("resized from 24 x 24 to 14 x 14"), std::string::npos) << result.out;
  const ModelFile model = ModelFile::open(out);
  EXPECT_EQ(model.tensor("pos_embed").shape, (Shape{1, 197, 48}));
  EXPECT_EQ(model.card().resize, "pillow-bicubic-256-crop-224");
  EXPECT_EQ(model.card().config["img_size"], 224);
  EXPECT_EQ(run_cli({"convert", in, out, "--num-heads", "3", "--img-size", "100"}).exit_code, 2);
}

TEST(Convert, SeveralNetworksAreShownAndChosen) {
  TempDir dir;
  const std::string in = (dir / "w.pth").string(), out = (dir / "m.safetensors").string();
  test::write_pth(
      dir / "w.pth",
      test::random_vit({.seed = 1}).under("model::").with(test::random_vit({.seed = 2}).under("model_ema::")));
  test::expect_one_line(run_cli({"convert", in, out, "--num-heads", "3"}), {"model (", "model_ema (", "--weights-key"});
  EXPECT_NE(run_cli({"info", in}).out.find("2 vision transformers: model"), std::string::npos);
  EXPECT_EQ(run_cli({"convert", in, out, "--num-heads", "3", "--weights-key", "model_ema"}).exit_code, 0);
}

TEST(NotAModel, EveryCommandNamesWhatTheFileIs) {
  TempDir dir;
  test::write_bad_files(dir.path());  // among them a photo
  write_file_atomic(dir / "page.pth",
                    std::string_view("<!DOCTYPE html><html><body>Virus scan warning</body></html>\n"));
  write_file_atomic(dir / "pointer.safetensors",
                    std::string_view("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 346233344\n"));
  write_file_atomic(dir / "empty.bin", std::string_view(""));
  const std::string out = (dir / "o.safetensors").string();
  for (const auto& [name, what] :
       {std::pair{"page.pth", "web page"}, {"pointer.safetensors", "git-lfs pointer"}, {"empty.bin", "is empty"}}) {
    const std::string file = (dir / name).string();
    const std::vector<std::vector<std::string>> commands = {
        {"info", file},
        {"convert", file, out},
        {"detect", (dir / "wall.png").string(), "--model", file},
        {"evaluate", "--model", file, "--data", dir.path().string()},
        {"probe", "knn", "--model", file, "--data", dir.path().string(), "--reference", dir.path().string()}};
    for (const auto& command : commands) {
      const auto result = run_cli(command);
      EXPECT_EQ(result.exit_code, 2) << command[0];
      EXPECT_NE(result.err.find(what), std::string::npos) << command[0] << ": " << result.err;
    }
  }
  EXPECT_FALSE(fs::exists(out));
}

TEST(Info, SaysWhatEachFileIs) {
  TempDir dir;
  const auto pth = run_cli({"info", golden("tiny-online.pth")});
  EXPECT_EQ(pth.exit_code, 0) << pth.err;
  EXPECT_NE(pth.out.find("PyTorch checkpoint"), std::string::npos);
  const std::string model = (dir / "d.safetensors").string();
  ASSERT_EQ(run_cli({"convert", golden("tiny-detector.pth"), model, "--num-heads", "3"}).exit_code, 0);
  const auto text = run_cli({"info", model});
  EXPECT_NE(text.out.find("width 48, depth 3, 3 heads"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("fake (attack), real"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("mean of the patch tokens -> linear, 2 outputs"), std::string::npos) << text.out;
  const auto json = nlohmann::json::parse(run_cli({"info", model, "--json"}).out);
  EXPECT_EQ(json["card"]["kind"], "detector");
  EXPECT_EQ(json["tensors"].size(), 44u);
  EXPECT_EQ(json["dtypes"]["F32"], 44);
  write_npy(dir / "a.npy", HostTensor::from_floats({2, 2}, std::vector<float>{1, 2, 3, 4}).view());
  EXPECT_NE(run_cli({"info", (dir / "a.npy").string()}).out.find("[2, 2]"), std::string::npos);
}

TEST(Info, NamesEveryKindOfHead) {
  TempDir dir;
  const auto text = [](const std::string& file) { return run_cli({"info", file}).out; };
  const auto heads = [&](const std::string& prefix, const std::string& source) {
    const TensorFile file = read_safetensors(golden(source));
    TensorMap weights;
    for (const auto& [name, tensor] : file.tensors)
      if (name.starts_with(prefix)) weights.emplace(name.substr(prefix.size()), tensor);
    ModelCard card;
    card.config = {{"num_heads", 3}};
    write_model(dir / "m.safetensors", card, weights);
    return text((dir / "m.safetensors").string());
  };
  EXPECT_NE(heads("cls.weights.", "tiny-vit.safetensors").find("class token -> linear, 2 outputs, not named"),
            std::string::npos);
  EXPECT_NE(heads("weights.", "fs-adapter.safetensors").find("FS-Adapter beside it -> linear, 2 outputs"),
            std::string::npos);
  const std::string online = (dir / "o.safetensors").string();
  ASSERT_EQ(
      run_cli({"convert", golden("tiny-online.pth"), online, "--num-heads", "3", "--decoder-heads", "4"}).exit_code, 0);
  EXPECT_NE(text(online).find("none: features only"), std::string::npos) << text(online);
  write_safetensors(dir / "step.safetensors", read_safetensors(golden("tiny-vit.safetensors")).tensors,
                    {{"fsfm.state", R"({"kind": "finetune", "step": 7})"}});
  const std::string checkpoint = text((dir / "step.safetensors").string());
  EXPECT_NE(checkpoint.find("training checkpoint of fsfm finetune at step 7"), std::string::npos) << checkpoint;
}

TEST(Info, SaysWhatIsWrong) {
  TempDir dir;
  const HostTensor bad = HostTensor::from_floats({2}, std::vector<float>{1, NAN});
  write_safetensors(dir / "nan.safetensors", {{"x.weight", bad.view()}});
  const auto nan = run_cli({"info", (dir / "nan.safetensors").string()});
  EXPECT_EQ(nan.exit_code, 2);
  EXPECT_NE(nan.err.find("x.weight"), std::string::npos);
  write_file_atomic(dir / "t.safetensors", std::string_view("not a model at all"));
  const auto text = run_cli({"info", (dir / "t.safetensors").string()});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_NE(text.err.find("not a safetensors file"), std::string::npos) << text.err;
  EXPECT_EQ(run_cli({"info", (dir / "absent").string()}).exit_code, 2);
  EXPECT_EQ(run_cli({"info", dir.path().string()}).exit_code, 2);
}

}  // namespace
}  // namespace fsfm
