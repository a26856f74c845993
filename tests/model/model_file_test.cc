#include "model/model_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

ModelCard sample_card() {
  ModelCard card;
  card.kind = "detector";
  card.architecture = "vit";
  card.config = {{"img_size", 64}, {"embed_dim", 48}};
  card.task = "dfd";
  card.classes = {"fake", "real"};
  card.attack_classes = {"fake"};
  card.mean = {.5482207537f, .4234053493f, .3654651642f};
  card.threshold = 0.25;
  card.abstain = {{0.2, 0.3}};
  card.temperature = 1.5;
  card.extra = {{"someone_else", "kept"}};
  return card;
}

TEST(ModelFile, CardAndWeightsComeBackWhole) {
  TempDir dir;
  const HostTensor tensor = HostTensor::from_floats({2}, std::vector<float>{1, 2});
  write_model(dir / "m.safetensors", sample_card(), {{"head.bias", tensor.view()}});
  const ModelFile model = ModelFile::open(dir / "m.safetensors");
  ModelCard expected = sample_card();
  expected.name = "m";
  EXPECT_EQ(model.card().to_json(), expected.to_json());
  EXPECT_EQ(model.card().mean, expected.mean);
  EXPECT_EQ(model.tensor("head.bias").to_float(), (std::vector<float>{1, 2}));
  EXPECT_NE(error_text([&] { model.tensor("head.weight"); }).find("head.weight"), std::string::npos);
}

TEST(ModelFile, AModelInMemoryIsTheOneOfTheFile) {
  TempDir dir;
  const HostTensor tensor = HostTensor::from_floats({2}, std::vector<float>{1, 2});
  write_model(dir / "m.safetensors", sample_card(), {{"head.bias", tensor.view()}});
  const std::string file = read_file(dir / "m.safetensors");
  const auto bytes = std::as_bytes(std::span(file.data(), file.size()));
  const ModelFile model = ModelFile::from_bytes(bytes, "upload");
  EXPECT_EQ(model.card().to_json(), ModelFile::open(dir / "m.safetensors").card().to_json());
  EXPECT_EQ(model.tensor("head.bias").to_float(), (std::vector<float>{1, 2}));
  EXPECT_NE(error_text([&] { ModelFile::from_bytes(bytes.first(bytes.size() - 1), "upload"); }).find("upload"),
            std::string::npos);
}

TEST(ModelFile, CardsThatCallTheFaceDetectorADetectorAreRead) {
  EXPECT_EQ(ModelCard::from_json({{"detector", "dlib-hog:2"}}).face_detector, "dlib-hog:2");
  EXPECT_EQ(ModelCard::from_json({{"face_detector", "blazeface"}}).face_detector, "blazeface");
  const auto written = ModelCard::from_json({{"detector", "blazeface"}}).to_json();
  EXPECT_EQ(written.at("face_detector"), "blazeface");
  EXPECT_FALSE(written.contains("detector"));
}

TEST(ModelFile, ShardsOpenByNameByIndexAndByFolder) {
  TempDir dir;
  const HostTensor tensor = HostTensor::from_floats({2}, std::vector<float>{1, 2});
  write_model(dir / "m.safetensors", sample_card(), {{"a", tensor.view()}, {"b", tensor.view()}}, 8);
  for (const fs::path& path : {dir / "m.safetensors", dir / "m.safetensors.index.json", dir.path()}) {
    const ModelFile model = ModelFile::open(path);
    EXPECT_EQ(model.tensors().size(), 2u) << path;
    EXPECT_EQ(model.card().threshold, 0.25);
  }
}

TEST(ModelFile, BadCardsNameTheKey) {
  TempDir dir;
  const fs::path path = dir / "m.safetensors";
  auto message = [&](const std::string& card) {
    write_safetensors(path, {}, {{"fsfm.card", card}});
    return error_text([&] { ModelFile::open(path); });
  };
  EXPECT_NE(message(R"({"classes":3})").find("'classes'"), std::string::npos);
  EXPECT_NE(message(R"({"std":[1,0,1]})").find("'std'"), std::string::npos);
  EXPECT_NE(message(R"({"mean":[1]})").find("'mean'"), std::string::npos);
  EXPECT_NE(message(R"({"temperature":0})").find("'temperature'"), std::string::npos);
  EXPECT_NE(message(R"({"threshold":2})").find("'threshold'"), std::string::npos);
  EXPECT_NE(message(R"({"abstain":[0.9,0.1]})").find("'abstain'"), std::string::npos);
  EXPECT_NE(message(R"({"classes":["real"],"attack_classes":["fake"]})").find("'attack_classes'"), std::string::npos);
  EXPECT_NE(message(R"({"format":99})").find("update fsfm"), std::string::npos);
  EXPECT_NE(message("[]").find("object"), std::string::npos);
  EXPECT_NE(message("{").find("JSON"), std::string::npos);
}

TEST(ModelFile, BareWeightsOpenOnlyWhenAsked) {
  TempDir dir;
  write_safetensors(dir / "w.safetensors", {});
  EXPECT_NE(error_text([&] { ModelFile::open(dir / "w.safetensors"); }).find("no model card"), std::string::npos);
  EXPECT_FALSE(ModelFile::open(dir / "w.safetensors", false).has_card());
  EXPECT_NE(error_text([&] { ModelFile::open(dir / "nothing"); }).find("nothing"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
