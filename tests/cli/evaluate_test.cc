#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "data/augment/degrade.h"
#include "media/codec.h"
#include "model/model_file.h"
#include "support/paths.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

namespace fs = std::filesystem;
using test::run_cli;

class Evaluate : public ::testing::Test {
 protected:
  // A small network with made-up weights (those of the reference), and noise for faces: the figures mean nothing, their
  // bookkeeping does.
  void SetUp() override {
    ModelCard card;
    card.kind = "detector";
    card.architecture = "vit";
    card.config = {{"num_heads", 3}};
    card.classes = {"fake", "real"};
    card.attack_classes = {"fake"};
    card.resize = "pillow-bicubic-64";
    write_weights(model(), card, "avg.weights.");
    for (const char* split : {"val", "test"})
      for (const char* name : {"fake", "real"})
        for (int i = 0; i < 12; ++i)
          write_face(fs::path("data") / split / name / fmt::format("v{}_frame_{}.png", i / 3, i));
  }
  void write_weights(const fs::path& path, const ModelCard& card, const std::string& prefix) {
    const TensorFile file = read_safetensors(test::golden("tiny-vit.safetensors"));
    write_model(path, card, test::with_prefix(file, prefix));
  }
  void write_face(const fs::path& name) {
    fs::create_directories((dir_ / name).parent_path());
    Image face(64, 64);
    for (auto& value : face.rgb) value = static_cast<uint8_t>(rng_.below(256));
    write_image(dir_ / name, face);
  }
  fs::path model() const { return dir_ / "d.safetensors"; }
  test::CliResult evaluate(std::vector<std::string> args) const {
    args.insert(args.begin(), {"evaluate", "--resamples", "100", "--threads", "1", "--model", model().string()});
    return run_cli(args);
  }
  std::string data() const { return (dir_ / "data").string(); }

  test::TempDir dir_;
  Rng rng_{7};
};

TEST_F(Evaluate, TakesTheTestSplitAndPrintsTheInterval) {
  const auto result = evaluate({"--data", data()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("data/test: 24 faces of 8 videos, 12 attack, 12 real"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("attack = fake (12); real = real (12)"), std::string::npos) << result.out;
  const size_t line = result.out.find("AUC");
  EXPECT_NE(result.out.substr(line, result.out.find('\n', line) - line).find('['), std::string::npos);
}

TEST_F(Evaluate, JsonIsAllThatStandsOnStdout) {
  const auto result = evaluate({"--data", data(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  const auto& frame = json["results"][0]["frame"];
  EXPECT_EQ(frame["attacks"], 12);
  EXPECT_LE(frame["auc"]["low"], frame["auc"]["value"]);
  EXPECT_GE(frame["auc"]["high"], frame["auc"]["value"]);
}

TEST_F(Evaluate, SwappedAttackClassesTurnTheAucRound) {
  const auto straight = nlohmann::json::parse(evaluate({"--data", data(), "--json"}).out);
  const auto turned =
      nlohmann::json::parse(evaluate({"--data", data(), "--json", "--attack-classes", "real", "--real", "fake"}).out);
  auto auc = [](const nlohmann::json& json) { return json["results"][0]["frame"]["auc"]["value"].get<double>(); };
  EXPECT_NEAR(auc(straight) + auc(turned), 1.0, 1e-9);
}

TEST_F(Evaluate, WritesPageScoresAndFigures) {
  const auto result = evaluate({"--data", data(), "--out", (dir_ / "report").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string csv = read_file(dir_ / "report" / "scores.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 25);
  EXPECT_EQ(nlohmann::json::parse(read_file(dir_ / "report" / "metrics.json"))["results"].size(), 1u);
  EXPECT_NE(read_file(dir_ / "report" / "report.html").find("Detection error trade-off"), std::string::npos);
}

TEST_F(Evaluate, FittedThresholdIsStoredAndUsed) {
  ModelCard old = ModelFile::open(model()).card();
  old.abstain = {{0.990, 0.991}};  // an undecided band of other scores
  write_weights(model(), old, "avg.weights.");
  const auto fitted = evaluate({"--data", data(), "--dev", data(), "--write-threshold", "--json"});
  ASSERT_EQ(fitted.exit_code, 0) << fitted.err;
  const auto before = nlohmann::json::parse(fitted.out)["results"][0];
  EXPECT_NE(before["threshold_source"].get<std::string>().find("data/val"), std::string::npos);
  const ModelCard card = ModelFile::open(model()).card();
  EXPECT_EQ(card.threshold.value(), before["threshold"].get<double>());
  EXPECT_EQ(card.temperature, before["temperature"].get<double>());
  EXPECT_NE(card.abstain, old.abstain);
  if (card.abstain) {
    EXPECT_LE((*card.abstain)[0], *card.threshold);
    EXPECT_GE((*card.abstain)[1], *card.threshold);
  }
  const auto after = nlohmann::json::parse(evaluate({"--data", data(), "--json"}).out)["results"][0];
  EXPECT_EQ(after, before);
}

TEST_F(Evaluate, SeveralDatasetsAndASecondModelShareTables) {
  for (int i = 0; i < 4; ++i)
    for (const char* name : {"live", "print", "replay"})
      write_face(fs::path("spoof") / name / (std::to_string(i) + ".png"));
  ModelCard card = ModelFile::open(model()).card();
  write_weights(dir_ / "e.safetensors", card, "cls.weights.");
  const auto result =
      evaluate({"--data", data(), (dir_ / "spoof").string(), "--compare", (dir_ / "e.safetensors").string()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* part : {"across datasets", "attack type", "print", "worst type", "DeLong"})
    EXPECT_NE(result.out.find(part), std::string::npos) << part << "\n" << result.out;
}

TEST_F(Evaluate, ComparesModelsOfDifferentClasses) {
  // Three classes against two: each says P(attack) in its own way, over the same faces.
  const TensorFile file = read_safetensors(test::golden("tiny-vit.safetensors"));
  TensorMap tensors;
  for (const auto& [name, tensor] : file.tensors)
    if (name.starts_with("avg.weights.")) tensors.emplace(name.substr(12), tensor);
  const auto dim = tensors.at("head.weight").shape[1];
  std::vector<float> weight = tensors.at("head.weight").to_float(), bias = {0, 0, 0};
  weight.resize(static_cast<size_t>(3 * dim), 0.01f);
  const HostTensor wide = HostTensor::from_floats({3, dim}, weight), shift = HostTensor::from_floats({3}, bias);
  tensors["head.weight"] = wide.view();
  tensors["head.bias"] = shift.view();
  ModelCard card = ModelFile::open(model()).card();
  card.classes = {"print", "real", "replay"};
  card.attack_classes = {"print", "replay"};
  write_model(dir_ / "three.safetensors", card, tensors);
  // A picture that cannot be read is left out for both.
  write_file_atomic(dir_ / "data/test/real/broken.png", std::string_view("text"));
  const auto both = evaluate({"--data", data(), "--compare", (dir_ / "three.safetensors").string(), "--json"});
  ASSERT_EQ(both.exit_code, 0) << both.err;
  const auto json = nlohmann::json::parse(both.out);
  EXPECT_EQ(json["comparisons"].size(), 1u);
  EXPECT_EQ(json["results"][0]["unreadable"], 1);

  const auto real_only =
      evaluate({"--data", data() + "/val/real", "--compare", (dir_ / "three.safetensors").string(), "--json"});
  ASSERT_EQ(real_only.exit_code, 0) << real_only.err;
  EXPECT_FALSE(nlohmann::json::parse(real_only.out).contains("comparisons"));
  EXPECT_NE(real_only.err.find("paired test"), std::string::npos) << real_only.err;
}

TEST_F(Evaluate, RobustnessSweepsEveryDegradation) {
  const auto result = evaluate({"--data", data(), "--robust", "--robust-samples", "8", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto points = nlohmann::json::parse(result.out)["robustness"];
  std::set<std::pair<std::string, int>> expected, measured;
  for (const Degradation kind : all_degradations())
    for (int strength = 0; strength <= kDegradationLevels; ++strength)
      expected.emplace(degradation_name(kind), strength);
  for (const auto& point : points) measured.emplace(point["degradation"], point["strength"]);
  EXPECT_EQ(measured, expected);
  EXPECT_EQ(points.size(), expected.size());
}

TEST_F(Evaluate, MistakesAreOneLineWithTheWayOut) {
  fs::create_directories(dir_ / "empty");
  ModelCard pretrain = ModelFile::open(model()).card();
  pretrain.classes = {};
  pretrain.attack_classes = {};
  pretrain.kind = "pretrain";
  write_weights(dir_ / "p.safetensors", pretrain, "avg.weights.");
  write_file_atomic(dir_ / "file", std::string_view("x"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"--data", (dir_ / "empty").string()}, "empty"},
      {{"--data", (dir_ / "missing").string()}, "missing"},
      {{"--data", data(), "--split", "train"}, "train"},
      {{"--data", data(), "--attack-classes", "fakee"}, "did you mean fake?"},
      {{"--data", data(), "--write-threshold"}, "--dev"},
      {{"--data", data(), "--max-bpcer", "0.01"}, "--dev"},
      {{"--data", data(), "--compare", (dir_ / "p.safetensors").string()}, "finetune"},
      {{"--data", data(), "--out", (dir_ / "file").string()}, "file"},
      {{}, "--data"}};
  const std::string before = read_file(model());
  for (const auto& [args, hint] : cases) {
    const auto result = evaluate(args);
    EXPECT_EQ(result.exit_code, 2) << hint;
    EXPECT_NE(result.err.find(hint), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  }
  EXPECT_EQ(read_file(model()), before);
}

TEST_F(Evaluate, TheModelThatComesWithTheProgramIsTheDefault) {
  fs::create_directories(dir_ / "shipped");
  fs::copy_file(model(), dir_ / "shipped" / "fsfm-detector.safetensors");
  const test::CliSetting shipped{.env = {"FSFM_MODELS_DIR=" + (dir_ / "shipped").string()}};
  const auto result = run_cli({"evaluate", "--data", data(), "--resamples", "100", "--json"}, shipped);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out)["model"], (dir_ / "shipped" / "fsfm-detector.safetensors").string());
  // A shared file is not changed unless it is named.
  const auto refused = run_cli({"evaluate", "--data", data(), "--dev", data(), "--write-threshold"}, shipped);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--model"), std::string::npos) << refused.err;
}

TEST_F(Evaluate, HelpNamesTheOptions) {
  const auto result = run_cli({"evaluate", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* option : {"--model", "--data", "--dev", "--write-threshold", "--robust", "--compare"})
    EXPECT_NE(result.out.find(option), std::string::npos) << option;
}

}  // namespace
}  // namespace fsfm
