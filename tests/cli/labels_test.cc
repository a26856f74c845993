// The same tree gets the same labels from every command, or the same question.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/file.h"
#include "data/store/open_dataset.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/label_trees.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using test::CliResult;
using test::LabelTree;
using test::run_cli;
using test::TempDir;

class Labels : public ::testing::Test {
 protected:
  void SetUp() override { model_ = test::write_tiny_detector(dir_ / "d.safetensors").string(); }
  CliResult evaluate(const fs::path& data, std::vector<std::string> more = {}) const {
    more.insert(more.begin(),
                {"evaluate", "--resamples", "100", "--threads", "1", "--model", model_, "--data", data.string()});
    return run_cli(more);
  }
  CliResult doctor(const fs::path& data, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"doctor", data.string(), "--threads", "1"});
    return run_cli(more);
  }
  CliResult prepare(const std::string& layout, const fs::path& root, const fs::path& out,
                    std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"prepare", layout, root.string(), "--no-detect", "--parser", "none", "--threads", "1",
                               "--out", out.string()});
    return run_cli(more);
  }
  void faces(const fs::path& folder, int count = 2) {
    fs::create_directories(folder);
    for (int i = 0; i < count; ++i, ++seed_)
      write_image(folder / (std::to_string(seed_) + "x.png"), test::paint_face(seed_, 32).image);
  }
  static void expect_question(const CliResult& result, const std::string& what) {
    EXPECT_EQ(result.exit_code, 2) << what << result.out << result.err;
    EXPECT_NE(result.err.find("--real NAME"), std::string::npos) << what << ": " << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << what << ": " << result.err;
  }

  TempDir dir_;
  std::string model_;
  uint64_t seed_ = 1000;
};

TEST_F(Labels, AreTheSameInEveryCommand) {
  for (const LabelTree& tree : test::label_trees()) {
    SCOPED_TRACE(tree.name);
    const fs::path root = dir_ / tree.name, out = dir_ / ("out_" + tree.name);
    test::write_label_tree(root, tree);
    const CliResult examined = doctor(root), scored = evaluate(root), prepared = prepare("classes", root, out);
    if (tree.kind != LabelTree::Kind::labelled) {
      expect_question(scored, "evaluate");
      expect_question(prepared, "prepare");
      EXPECT_FALSE(fs::exists(out));
      if (tree.kind == LabelTree::Kind::contradicts) {
        expect_question(examined, "doctor");
      } else {
        EXPECT_EQ(examined.exit_code, 0) << examined.err;
        EXPECT_NE(examined.out.find("classes  unlabelled"), std::string::npos) << examined.out;
      }
      continue;
    }
    EXPECT_NE(examined.out.find("classes  " + meaning_of(tree)), std::string::npos) << examined.out << examined.err;
    EXPECT_NE(prepared.out.find("classes  " + meaning_of(tree)), std::string::npos) << prepared.out << prepared.err;
    ASSERT_EQ(scored.exit_code, 0) << scored.err;
    // Of the test split, where there is one.
    const size_t real_part = scored.out.find("; real = ");
    ASSERT_NE(real_part, std::string::npos) << scored.out;
    for (const auto& name : tree.attack) {
      const size_t at = scored.out.find(" " + name + " (");
      EXPECT_TRUE(at == std::string::npos || at < real_part) << scored.out;
    }
    for (const auto& name : tree.real) {
      const size_t at = scored.out.find(" " + name + " (");
      EXPECT_TRUE(at == std::string::npos || at > real_part) << scored.out;
    }
    for (const fs::path& dataset : {root, out}) {
      const auto data = open_dataset(dataset);
      EXPECT_EQ(data->info().attack_classes, tree.attack);
      EXPECT_EQ(splits_of(*data), tree.splits.empty() ? std::vector<std::string>{""} : tree.splits);
      EXPECT_EQ(data->samples().size(), 2 * tree.folders.size());
    }
  }
}

TEST_F(Labels, AreTheUsersToState) {
  faces(dir_ / "digits/0");
  faces(dir_ / "digits/1");
  const std::vector<std::string> stated = {"--real", "0"};
  EXPECT_NE(doctor(dir_ / "digits", stated).out.find("classes  real: 0; attack: 1"), std::string::npos);
  EXPECT_NE(doctor(dir_ / "digits", {"--attack-classes", "0"}).out.find("classes  real: 1; attack: 0"),
            std::string::npos);
  EXPECT_NE(evaluate(dir_ / "digits", stated).out.find("attack = 1 (2); real = 0 (2)"), std::string::npos);
  EXPECT_NE(prepare("classes", dir_ / "digits", dir_ / "out", stated).out.find("real: 0; attack: 1"),
            std::string::npos);
  // The prepared dataset remembers.
  EXPECT_NE(evaluate(dir_ / "out").out.find("attack = 1 (2); real = 0 (2)"), std::string::npos);
  for (const auto& wrong : {std::vector<std::string>{"--real", "zero"}, {"--real", "0", "--attack-classes", "0"}}) {
    const CliResult result = evaluate(dir_ / "digits", wrong);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_NE(result.err.find(wrong.back()), std::string::npos) << result.err;
  }
  faces(dir_ / "three/real");
  faces(dir_ / "three/fake");
  faces(dir_ / "three/misc");
  EXPECT_NE(
      evaluate(dir_ / "three", {"--attack-classes", "misc"}).out.find("attack = fake (2), misc (2); real = real (2)"),
      std::string::npos);
  EXPECT_NE(evaluate(dir_ / "three", {"--real", "misc"}).out.find("attack = fake (2); real = misc (2), real (2)"),
            std::string::npos);
}

TEST_F(Labels, OneClassHasErrorsAndNoAuc) {
  faces(dir_ / "onlyfake/fake", 3);
  faces(dir_ / "onlyreal/real", 3);
  for (const char* name : {"onlyfake", "onlyreal"}) {
    const CliResult result = evaluate(dir_ / name);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.out.find(name[4] == 'f' ? "APCER" : "BPCER"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("none"), std::string::npos) << result.out;
  }
  // A class folder itself may be named.
  EXPECT_NE(evaluate(dir_ / "onlyfake/fake").out.find("attack = fake (3); real = none"), std::string::npos);
  faces(dir_ / "Celeb-synthesis/videos_a");
  expect_question(evaluate(dir_ / "Celeb-synthesis"), "sub-folders may be anything");
}

TEST_F(Labels, FolderTakesFacesForRealUnlessAFolderSaysOtherwise) {
  faces(dir_ / "mine/holidays");
  EXPECT_EQ(prepare("folder", dir_ / "mine", dir_ / "mine_out").exit_code, 0);
  EXPECT_EQ(open_dataset(dir_ / "mine_out")->info().classes, (std::vector<std::string>{"real"}));
  faces(dir_ / "crops/fake");
  faces(dir_ / "crops/real");
  faces(dir_ / "Deepfakes");
  for (const char* root : {"crops", "Deepfakes"}) {
    const CliResult asked = prepare("folder", dir_ / root, dir_ / "asked");
    EXPECT_EQ(asked.exit_code, 2);
    EXPECT_NE(asked.err.find("--unlabelled"), std::string::npos) << asked.err;
  }
  for (const char* format : {"shards", "folders"}) {
    const fs::path out = dir_ / (std::string("u_") + format);
    ASSERT_EQ(prepare("folder", dir_ / "crops", out, {"--unlabelled", "--format", format}).exit_code, 0);
    EXPECT_EQ(open_dataset(out)->info().classes, (std::vector<std::string>{"unlabelled"}));
    EXPECT_EQ(evaluate(out).exit_code, 2);
  }
  ASSERT_EQ(prepare("folder", dir_ / "Deepfakes", dir_ / "f", {"--class", "fake"}).exit_code, 0);
  EXPECT_EQ(open_dataset(dir_ / "f")->info().attack_classes, (std::vector<std::string>{"fake"}));
  expect_question(prepare("folder", dir_ / "Deepfakes", dir_ / "g", {"--class", "misc"}), "an unknown class");
  EXPECT_EQ(prepare("vggface2", dir_ / "crops", dir_ / "g", {"--real", "x"}).exit_code, 2);
}

TEST_F(Labels, OfListsAreJudgedAlike) {
  faces(dir_ / "pics", 2);
  const auto files = list_files(dir_ / "pics", is_image_path);
  const auto table = [&](const std::string& header, const std::string& a, const std::string& b) {
    const fs::path csv = dir_ / "t.csv";
    write_file_atomic(
        csv, "path," + header + "\n" + files[0].string() + "," + a + "\n" + files[1].string() + "," + b + "\n");
    fs::remove_all(dir_ / "t");
    return prepare("csv", csv, dir_ / "t");
  };
  EXPECT_NE(table("label", "FAKE", "REAL").out.find("real: REAL; attack: FAKE"), std::string::npos);
  EXPECT_NE(table("label", "Real", "Spoof").out.find("real: Real; attack: Spoof"), std::string::npos);
  expect_question(table("label", "0", "1"), "numbers");
  expect_question(table("label", "real", "misc"), "an unknown label");
  write_file_atomic(dir_ / "l.txt", files[0].string() + " 0\n" + files[1].string() + " 1\n");
  expect_question(prepare("list", dir_ / "l.txt", dir_ / "l"), "numbers");
  EXPECT_NE(prepare("list", dir_ / "l.txt", dir_ / "l", {"--real", "1"}).out.find("real: 1; attack: 0"),
            std::string::npos);
}

TEST_F(Labels, OddFoldersAreToldLoudly) {
  faces(dir_ / "odd/real");
  faces(dir_ / "odd/fake");
  faces(dir_ / "odd", 1);
  fs::create_directories(dir_ / "odd/aa_empty");
  const CliResult scored = evaluate(dir_ / "odd"), examined = doctor(dir_ / "odd");
  for (const std::string& said : {scored.err, examined.out}) {
    EXPECT_NE(said.find("aa_empty"), std::string::npos) << said;
    EXPECT_NE(said.find("1 pictures lie in no class folder"), std::string::npos) << said;
  }
  faces(dir_ / "onekind/real_a");
  faces(dir_ / "onekind/real_b");
  EXPECT_NE(doctor(dir_ / "onekind").out.find("all 2 class folders are real"), std::string::npos);
  EXPECT_EQ(doctor(dir_ / "onekind", {"--strict"}).exit_code, 1);
}

TEST_F(Labels, SharedFilesAreTold) {
  faces(dir_ / "s/train/real");
  faces(dir_ / "s/train/fake");
  fs::create_directory_symlink("train", dir_ / "s/test");
  EXPECT_NE(doctor(dir_ / "s").out.find("4 pictures stand in several splits"), std::string::npos)
      << doctor(dir_ / "s").out;
  faces(dir_ / "k/real");
  fs::copy(dir_ / "k/real", dir_ / "k/fake", fs::copy_options::recursive);
  EXPECT_NE(doctor(dir_ / "k").out.find("under real and under attack"), std::string::npos);
  faces(dir_ / "a/real");
  faces(dir_ / "a/fake");
  fs::copy(dir_ / "a", dir_ / "b", fs::copy_options::recursive);
  EXPECT_NE(evaluate(dir_ / "a", {(dir_ / "b").string()}).err.find("4 of the 4 pictures"), std::string::npos);
  EXPECT_NE(evaluate(dir_ / "a", {(dir_ / "a/.").string()}).err.find("same folder"), std::string::npos);
  EXPECT_NE(evaluate(dir_ / "a", {"--dev", (dir_ / "b").string()}).err.find("too kind"), std::string::npos);
}

// Real faces that score high and attacks that score low: somebody turned the labels.
TEST_F(Labels, TurnedLabelsAreSuspected) {
  faces(dir_ / "t/real", 24);
  faces(dir_ / "t/fake", 24);
  const CliResult scored = evaluate(dir_ / "t", {"--out", (dir_ / "r").string()});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  // Sort the faces by their scores into the wrong classes.
  std::vector<std::pair<double, std::string>> order;
  std::istringstream csv(read_file(dir_ / "r/scores.csv"));
  std::string line;
  std::getline(csv, line);
  while (std::getline(csv, line)) {
    const size_t key = line.find(',') + 1;
    order.emplace_back(std::stod(line.substr(line.rfind(',') + 1)), line.substr(key, line.find(',', key) - key));
  }
  ASSERT_EQ(order.size(), 48u);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i) {
    const fs::path to = dir_ / (i < 24 ? "w/fake" : "w/real");
    fs::create_directories(to);
    fs::copy_file(dir_ / "t" / (order[i].second + ".png"), to / (std::to_string(i) + "y.png"));
  }
  EXPECT_NE(evaluate(dir_ / "w").err.find("far below 0.5"), std::string::npos);
  EXPECT_EQ(scored.err.find("far below 0.5"), std::string::npos) << scored.err;
}

}  // namespace
}  // namespace fsfm
