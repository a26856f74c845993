// `fsfm probe`: pretrained weights judge painted faces without labels.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/rng.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using test::run_cli;
using test::TempDir;

class ProbeCli : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir();
    test::write_face_tree(*dir_ / "faces", "train", "real", 32, 1, 32, /*maps=*/true);
    test::write_face_tree(*dir_ / "faces", "test", "real", 12, 100, 32, /*maps=*/true);
    // Attacks with the regions of a face and the texture of an untuned television; plain pixels tell how foreign it is.
    test::write_face_tree(*dir_ / "faces", "test", "fake", 12, 200, 32, /*maps=*/true);
    Rng rng(5);
    for (const auto& file : list_files(*dir_ / "faces/test/fake", is_image_path)) {
      if (file.filename().string().ends_with(".seg.png")) continue;
      Image noise(32, 32);
      for (auto& value : noise.rgb) value = static_cast<uint8_t>(rng.below(256));
      write_image(file, noise);
    }
    const auto result = run_cli({"pretrain",
                                 "--data",
                                 path("faces"),
                                 "--out",
                                 path("m.safetensors"),
                                 "--model",
                                 "tiny",
                                 "--img-size",
                                 "32",
                                 "--patch-size",
                                 "4",
                                 "--batch-size",
                                 "8",
                                 "--decoder-dim",
                                 "64",
                                 "--decoder-depth",
                                 "1",
                                 "--lr",
                                 "2e-3",
                                 "--max-steps",
                                 "30",
                                 "--no-norm-pix",
                                 "--threads",
                                 "1",
                                 "--val-fraction",
                                 "0.1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static std::string path(const std::string& name) { return (*dir_ / name).string(); }
  static test::CliResult probe(const std::string& kind, std::vector<std::string> more) {
    std::vector<std::string> args = {"probe",       kind,  "--model",   path("m.safetensors"),
                                     "--resamples", "100", "--threads", "1"};
    args.insert(args.end(), more.begin(), more.end());
    return run_cli(args);
  }
  static inline TempDir* dir_ = nullptr;
};

double auc_of(const nlohmann::json& report, const std::string& name) {
  for (const auto& score : report["results"][0]["scores"])
    if (score["name"] == name) return score["auc"]["value"];
  return -1;
}

TEST_F(ProbeCli, AForeignTextureIsHardToPaint) {
  const auto result = probe("reconstruction", {"--data", path("faces"), "--json", "--draws", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report["results"][0]["dataset"], "faces/test");
  EXPECT_EQ(report["results"][0]["faces"], 24);
  EXPECT_NE(report["meaning"].get<std::string>().find("in normalised pixels"), std::string::npos) << report["meaning"];
  for (const auto name : {"background", "skin", "left eye", "nose", "upper lip", "hair", "all regions"})
    EXPECT_GT(auc_of(report, name), 0.9) << name << result.out;
  const auto& skin = report["results"][0]["scores"][1];
  EXPECT_LE(skin["auc"]["low"], skin["auc"]["value"]);

  EXPECT_EQ(probe("reconstruction", {"--data", path("faces"), "--json", "--draws", "2"}).out, result.out);
  EXPECT_NE(probe("reconstruction", {"--data", path("faces"), "--json", "--draws", "2", "--seed", "1"}).out,
            result.out);
  const std::string small = path("small.safetensors");
  ASSERT_EQ(run_cli({"convert", path("m.safetensors"), small, "--dtype", "bf16", "--no-similarity"}).exit_code, 0);
  EXPECT_EQ(run_cli({"probe", "reconstruction", "--model", small, "--data", path("faces"), "--draws", "1"}).exit_code,
            0);
}

TEST_F(ProbeCli, WritesAPageAndScores) {
  const auto result =
      probe("reconstruction", {"--data", path("faces"), "--draws", "1", "--samples", "6", "--out", path("probe")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("hidden region"), std::string::npos) << result.out;
  const std::string csv = read_file(path("probe/scores.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  EXPECT_NE(read_file(path("probe/report.html")).find("highest scores"), std::string::npos);
  EXPECT_TRUE(fs::exists(path("probe/probe.json")));
}

TEST_F(ProbeCli, NeighboursAreThoseOfTheReference) {
  const auto result = probe("knn", {"--data", path("faces"), "--json"});  // reference: the train split, real faces only
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  ASSERT_EQ(report["results"][0]["scores"].size(), 1u);
  const auto& distance = report["results"][0]["scores"][0];
  EXPECT_EQ(distance["name"], "distance to real faces");
  EXPECT_LT(distance["bpcer"], 0.5);  // the threshold came from real faces of the same kind
  EXPECT_NE(report["settings"]["Reference"].get<std::string>().find("32 real and 0 attack"), std::string::npos);

  const auto labelled = probe("knn", {"--data", path("faces"), "--reference", path("faces/test"), "--json"});
  ASSERT_EQ(labelled.exit_code, 0) << labelled.err;
  EXPECT_GT(auc_of(nlohmann::json::parse(labelled.out), "k-NN classes"), 0.9) << labelled.out;
}

TEST_F(ProbeCli, RealFacesAloneGiveErrorsWithoutAnAuc) {
  const auto result = probe("reconstruction", {"--data", path("faces/train/real"), "--samples", "4", "--draws", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("of one kind"), std::string::npos) << result.out;
}

TEST_F(ProbeCli, MistakesAreOneLine) {
  const auto check = [](const test::CliResult& result, const std::string& expected) {
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
    const size_t error = result.err.find("fsfm: ");  // behind what was said of the labels
    ASSERT_NE(error, std::string::npos) << result.err;
    EXPECT_EQ(result.err.find('\n', error), result.err.size() - 1) << result.err;
  };
  check(probe("knn", {"--data", path("faces/test")}), "--reference");
  check(probe("guess", {"--data", path("faces")}), "reconstruction, knn");
  // A card cannot make the network larger than its tensors.
  const ModelFile model = ModelFile::open(path("m.safetensors"));
  const std::pair<const char*, int> lies[] = {{"embed_dim", 16384}, {"decoder_depth", 256}, {"projection_size", 65536}};
  for (const auto& [key, value] : lies) {
    ModelCard card = model.card();
    card.config[key] = value;
    write_model(path("huge.safetensors"), card, model.tensors());
    check(run_cli({"probe", "reconstruction", "--model", path("huge.safetensors"), "--data", path("faces")}),
          std::string("huge.safetensors: the model card and the tensors disagree on ") + key);
  }
  const std::string detector = test::write_tiny_detector(*dir_ / "detector.safetensors").string();
  check(run_cli({"probe", "reconstruction", "--model", detector, "--data", path("faces")}), "paints");
}

TEST_F(ProbeCli, AttentionComparesModelsLayerByLayer) {
  const std::string other = path("other.safetensors");
  std::filesystem::copy_file(path("m.safetensors"), other, std::filesystem::copy_options::overwrite_existing);
  const std::vector<std::string> args = {"probe", "attention", "--model",     path("m.safetensors"),
                                         other,   "--data",    path("faces"), "--samples",
                                         "6",     "--out",     path("looks")};
  const auto text = run_cli(args);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("m: 6 faces of 32 pixels"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("other: 6 faces"), std::string::npos) << text.out;
  const auto json = nlohmann::json::parse(read_file(path("looks/probe.json")));
  ASSERT_EQ(json["results"].size(), 2u);
  const auto& layers = json["results"][0]["layers"];
  ASSERT_EQ(layers.size(), 12u);
  EXPECT_EQ(layers[0]["distances"].size(), 3u);
  for (const auto& layer : layers) {
    EXPECT_GT(layer["distance"].get<double>(), 0);
    EXPECT_LT(layer["distance"].get<double>(), 32);
    EXPECT_GE(layer["diversity"].get<double>(), 0);
  }
  EXPECT_EQ(json["results"][1]["layers"], layers);  // the same weights
  EXPECT_NE(read_file(path("looks/report.html")).find("Head diversity"), std::string::npos);
  const auto two = run_cli({"probe", "knn", "--model", path("m.safetensors"), other, "--data", path("faces")});
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_NE(two.err.find("one --model"), std::string::npos) << two.err;
  // An option of another probe is not passed over.
  const auto strange = run_cli({"probe", "attention", "--model", other, "--data", path("faces"), "--neighbours", "3"});
  EXPECT_EQ(strange.exit_code, 2);
  EXPECT_NE(strange.err.find("takes no --neighbours; only knn does"), std::string::npos) << strange.err;
}

}  // namespace
}  // namespace fsfm
