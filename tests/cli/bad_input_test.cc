// What goes wrong at users' desks, command by command: one line that names the file and the way out, exit code 2, and
// no half-written file. tests/cli/learn/bad_input_test.cc does the same for the learning commands.
#include <gtest/gtest.h>

#include "base/file.h"
#include "media/codec.h"
#include "support/bad_files.h"
#include "support/face_painter.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace fsfm {
namespace {

using test::expect_one_line;
using test::run_cli;

constexpr uint64_t kSmallDisk = 12 << 10;  // bytes a file may have

class BadInput : public ::testing::Test {
 protected:
  void SetUp() override {
    test::write_bad_files(dir_.path());
    test::write_tiny_detector(dir_ / "m.safetensors");
    test::write_face_tree(dir_ / "faces", "test", "real", 2, 1, 96);
    test::write_face_tree(dir_ / "faces", "test", "fake", 2, 9, 96);
    write_image(dir_ / "photo.png", test::paint_photo(4, 2, 560, 320).image);
    before_ = dir_.count();
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  // Fails with one line and leaves nothing new.
  void fails(const std::vector<std::string>& args, const std::vector<std::string>& parts, uint64_t largest_file = 0) {
    SCOPED_TRACE(args[0] + " " + args[1]);
    expect_one_line(run_cli(args, {.largest_file = largest_file}), parts);
    EXPECT_EQ(dir_.count(), before_);
    EXPECT_FALSE(fs::exists(dir_ / "canary"));
  }

  test::TempDir dir_;
  size_t before_ = 0;
};

TEST_F(BadInput, EmptyFolder) {
  const std::string empty = path("empty");
  fails({"prepare", "folder", empty, "--out", path("o")}, {empty, "no picture"});
  fails({"doctor", empty}, {empty, "no picture"});
  fails({"blend", empty, "--out", path("o")}, {empty, "no picture"});
  fails({"evaluate", "--data", empty, "--model", path("m.safetensors")}, {empty, "no picture"});
  fails({"probe", "knn", "--data", empty, "--model", path("m.safetensors")}, {empty, "no picture"});
  fails({"detect", empty, "--model", path("m.safetensors")}, {empty, "no pictures"});
  fails({"info", empty}, {empty, "no model file"});
  fails({"convert", empty, path("o.safetensors")}, {empty, "no model file"});
  fails({"report", empty}, {empty, "nothing to report"});
}

TEST_F(BadInput, PhotoWithoutAFace) {
  fails({"masks", path("wall.png"), "--out", path("o.png")}, {"wall.png", "no face"});
  // For detect it is an answer, not a mistake.
  const auto detect = run_cli({"detect", path("wall.png"), "--model", path("m.safetensors")});
  EXPECT_EQ(detect.exit_code, 0) << detect.err;
  EXPECT_NE(detect.out.find("no face found"), std::string::npos) << detect.out;
  // prepare accounts for every input in its journal.
  fs::create_directories(dir_ / "walls");
  fs::copy_file(dir_ / "wall.png", dir_ / "walls" / "wall.png");
  const auto prepare =
      run_cli({"prepare", "folder", path("walls"), "--out", path("o"), "--face-detector", "dlib-hog:0"});
  expect_one_line(prepare, {"no face was kept of 1", "prepare.jsonl"});
  EXPECT_NE(read_file(dir_ / "o" / "prepare.jsonl").find("wall.png"), std::string::npos);
  EXPECT_FALSE(fs::exists(dir_ / "o" / "manifest.json"));
}

TEST_F(BadInput, TextNamedJpg) {
  fails({"masks", path("text.jpg"), "--out", path("o.png")}, {"text.jpg", "not a picture"});
  fails({"detect", path("text.jpg"), "--model", path("m.safetensors")}, {"text.jpg", "not a picture"});
  fails({"info", path("text.jpg")}, {"text.jpg"});
  const auto prepare = run_cli({"prepare", "folder", path("texts"), "--out", path("o")});
  expect_one_line(prepare, {"no face was kept of 1"});
  EXPECT_NE(read_file(dir_ / "o" / "prepare.jsonl").find("not a picture"), std::string::npos);
  // Judged on it alone: the labels are asked for first, so it lies where one names it.
  fs::create_directories(dir_ / "labelled" / "fake");
  fs::copy_file(dir_ / "text.jpg", dir_ / "labelled" / "fake" / "text.jpg");
  const auto evaluate = run_cli({"evaluate", "--data", path("labelled"), "--model", path("m.safetensors")});
  EXPECT_EQ(evaluate.exit_code, 2);
  for (const char* part : {"text.jpg is", "not a picture"})
    EXPECT_NE(evaluate.err.find(part), std::string::npos) << evaluate.err;
}

TEST_F(BadInput, ModelFilesThatAreCutOrLie) {
  for (const std::string name : {"cut.pth", "evil.pth", "beyond.safetensors", "huge.safetensors"}) {
    const std::string file = path(name);
    if (name != "evil.pth") fails({"info", file}, {name});
    fails({"convert", file, path("o.safetensors")}, {name});
    fails({"evaluate", "--data", path("faces"), "--model", file}, {name});
    fails({"detect", path("photo.png"), "--model", file}, {name});
    fails({"probe", "knn", "--data", path("faces"), "--model", file}, {name});
  }
  fails({"info", path("beyond.safetensors")}, {"cls_token", "past the end"});
  fails({"info", path("cut.pth")}, {"download it again"});
}

TEST_F(BadInput, AHostilePickleIsInertData) {
  // Looking at it is safe: whatever it says, nothing runs.
  run_cli({"info", path("evil.pth")});
  run_cli({"info", path("evil.pth"), "--json"});
  EXPECT_FALSE(fs::exists(dir_ / "canary"));
}

TEST_F(BadInput, MisspeltRecipeKey) {
  const std::string typo = path("typo.toml");
  const std::vector<std::string> parts = {"typo.toml:1", "seeed"};
  fails({"prepare", "folder", path("faces"), "--out", path("o"), "--recipe", typo}, parts);
  fails({"convert", path("m.safetensors"), path("o.safetensors"), "--recipe", typo}, parts);
  fails({"detect", path("photo.png"), "--model", path("m.safetensors"), "--recipe", typo}, parts);
  fails({"evaluate", "--data", path("faces"), "--model", path("m.safetensors"), "--recipe", typo},
        {"typo.toml:1", "did you mean 'seed'?"});
  fails({"probe", "knn", "--data", path("faces"), "--model", path("m.safetensors"), "--recipe", typo},
        {"did you mean 'seed'?"});
}

TEST_F(BadInput, NoSpaceLeft) {
  fails({"convert", path("m.safetensors"), path("o.safetensors")}, {"o.safetensors", "free some space"}, kSmallDisk);
  fails({"masks", path("photo.png"), "--out", path("o.png"), "--face-detector", "dlib-hog:0"},
        {"o.png", "free some space"}, kSmallDisk);
  fs::create_directories(dir_ / "out");
  ++before_;
  const auto annotated =
      run_cli({"detect", path("photo.png"), "--model", path("m.safetensors"), "--out", path("out/o.png")},
              {.largest_file = kSmallDisk});
  EXPECT_EQ(annotated.exit_code, 2);
  EXPECT_NE(annotated.err.find("o.png"), std::string::npos) << annotated.err;
  const auto report = run_cli({"evaluate", "--data", path("faces"), "--model", path("m.safetensors"), "--resamples",
                               "100", "--out", path("out")},
                              {.largest_file = kSmallDisk});
  EXPECT_EQ(report.exit_code, 2);
  EXPECT_NE(report.err.find("report.html"), std::string::npos) << report.err;
  EXPECT_NE(report.err.find("free some space"), std::string::npos) << report.err;
  EXPECT_EQ(dir_.count(), before_);
  // prepare keeps its journal and what is whole, so that it goes on when there is space; no dataset is announced.
  const auto prepare =
      run_cli({"prepare", "classes", path("faces"), "--no-detect", "--out", path("o")}, {.largest_file = kSmallDisk});
  EXPECT_EQ(prepare.exit_code, 2);
  EXPECT_NE(prepare.err.find("free space"), std::string::npos) << prepare.err;
  EXPECT_FALSE(fs::exists(dir_ / "o" / "manifest.json"));
  EXPECT_EQ(run_cli({"prepare", "classes", path("faces"), "--no-detect", "--out", path("o")}).exit_code, 0);
}

}  // namespace
}  // namespace fsfm
