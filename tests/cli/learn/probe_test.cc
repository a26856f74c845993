// `fsfm probe`: pretrained weights judge painted faces without labels.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "face/region_map.h"
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
    test::write_face_tree(*dir_ / "faces", "test", "fake", 12, 200, 32, /*maps=*/true);
    const auto result =
        run_cli({"pretrain", "--data", path("faces"), "--out", path("m.safetensors"), "--model", "tiny", "--img-size",
                 "32", "--patch-size", "4", "--batch-size", "8", "--decoder-dim", "64", "--decoder-depth", "1", "--lr",
                 "2e-3", "--max-steps", "60", "--threads", "1", "--val-fraction", "0.1"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static std::string path(const std::string& name) { return (*dir_ / name).string(); }
  static test::CliResult probe(const std::string& kind, std::vector<std::string> more) {
    std::vector<std::string> args = {"probe", kind, "--model", path("m.safetensors"), "--resamples", "100", "--threads", "1"};
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
  // The forgery lies on skin and nose; every region that painted faces have is named.
  EXPECT_GT(auc_of(report, "skin"), 0.9) << result.out;
  EXPECT_GT(auc_of(report, "nose"), 0.9) << result.out;
  for (const auto name : {"background", "left eye", "upper lip", "hair", "all regions"})
    EXPECT_GE(auc_of(report, name), 0) << name;
  const auto& skin = report["results"][0]["scores"][1];
  EXPECT_LE(skin["auc"]["low"], skin["auc"]["value"]);

  EXPECT_EQ(probe("reconstruction", {"--data", path("faces"), "--json", "--draws", "2"}).out, result.out);
  EXPECT_NE(probe("reconstruction", {"--data", path("faces"), "--json", "--draws", "2", "--seed", "1"}).out, result.out);
}

TEST_F(ProbeCli, WritesAPageAndScores) {
  const auto result = probe("reconstruction", {"--data", path("faces"), "--draws", "1", "--samples", "6", "--out", path("probe")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("hidden region"), std::string::npos) << result.out;
  const std::string csv = read_file(path("probe/scores.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  EXPECT_NE(read_file(path("probe/report.html")).find("highest scores"), std::string::npos);
  EXPECT_TRUE(fs::exists(path("probe/probe.json")));
}

TEST_F(ProbeCli, NeighboursNeedNoFakesToFindThem) {
  const auto result = probe("knn", {"--data", path("faces"), "--json"});  // reference: the train split, real faces only
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  ASSERT_EQ(report["results"][0]["scores"].size(), 1u);
  EXPECT_GT(auc_of(report, "distance to real faces"), 0.9) << result.out;

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
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  check(probe("knn", {"--data", path("faces/test")}), "--reference");
  check(probe("guess", {"--data", path("faces")}), "reconstruction, knn");
  const std::string detector = test::write_tiny_detector(*dir_ / "detector.safetensors").string();
  check(run_cli({"probe", "reconstruction", "--model", detector, "--data", path("faces")}), "paints");
}

}  // namespace
}  // namespace fsfm
