#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "media/codec.h"
#include "support/face_painter.h"
#include "support/pictures.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using nlohmann::json;
using test::run_cli;
using test::TempDir;

class DetectCommand : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_detector(dir_ / "m.safetensors");
    write_image(dir_ / "two.png", test::paint_photo(3, 2, 560, 320).image);
  }
  std::string path(const std::string& name) { return (dir_ / name).string(); }
  test::CliResult detect(std::vector<std::string> args) {
    args.insert(args.begin(), "detect");
    args.insert(args.end(), {"--model", path("m.safetensors")});
    return run_cli(args);
  }
  TempDir dir_;
};

TEST_F(DetectCommand, JudgesPhotosAndGoesOnAfterBadFiles) {
  write_image(dir_ / "empty.png", test::paint_background(1, 320, 240));
  write_file_atomic(dir_ / "text.jpg", std::string_view("not a picture"));
  const auto result = detect({path("text.jpg"), path("two.png"), path("absent.jpg"), path("empty.png"), "--json"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 2) << result.err;
  EXPECT_NE(result.err.find("text.jpg"), std::string::npos);
  const json results = json::parse(result.out)["results"];
  ASSERT_EQ(results.size(), 4u);
  EXPECT_TRUE(results[0].contains("error"));
  EXPECT_EQ(results[1]["faces"].size(), 2u);
  EXPECT_TRUE(results[3]["faces"].empty());
  const json& face = results[1]["faces"][0];
  EXPECT_EQ(face["score"], face["per_class"]["fake"]);
  EXPECT_TRUE(face["verdict"] == "real" || face["verdict"] == "attack") << face;
  EXPECT_NE(detect({path("empty.png")}).out.find("no face found"), std::string::npos);
}

TEST_F(DetectCommand, WritesAnnotatedPictures) {
  const auto one = detect({path("two.png"), "--out", path("v.png")});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_NE(one.out.find("2 faces"), std::string::npos) << one.out;
  EXPECT_EQ(read_image(dir_ / "v.png").width, 560);
  fs::create_directories(dir_ / "a");
  fs::copy_file(dir_ / "two.png", dir_ / "a" / "two.png");
  EXPECT_EQ(detect({path("two.png"), path("a"), "--out", path("out")}).exit_code, 0);
  EXPECT_TRUE(fs::exists(dir_ / "out" / "two_verdict.png"));
  EXPECT_TRUE(fs::exists(dir_ / "out" / "two_verdict_2.png"));
}

TEST_F(DetectCommand, PicturesThatCannotBeReadAreNotPassedOverSilently) {
  fs::create_directories(dir_ / "a");
  fs::copy_file(dir_ / "two.png", dir_ / "a" / "two.png");
  write_file_atomic(dir_ / "a" / "poster.psd", std::string_view("8BPS"));
  const auto result = detect({path("a")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("1 .psd files in forms that cannot be read"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("poster.psd is a Photoshop document"), std::string::npos) << result.err;
}

TEST_F(DetectCommand, ContentDecidesWhatAnInputIs) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "clip.avi", 3, 25, [&](int) { return photo; });
  fs::create_directories(dir_ / "b");
  fs::rename(dir_ / "clip.avi", dir_ / "b" / "clip.jpg");
  fs::copy_file(dir_ / "two.png", dir_ / "b" / "phone.HEIC");
  const auto result = detect({path("b"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json results = json::parse(result.out)["results"];
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0]["kind"], "video");
  EXPECT_EQ(results[1]["faces"].size(), 2u);
}

TEST_F(DetectCommand, OfAnAnimationTheFirstFrameIsJudgedAndThatIsSaid) {
  const std::vector<uint8_t> frame(64 * 64, 1);
  write_file_atomic(dir_ / "a.gif", test::gif_of({frame, frame}, 64, 64));
  const auto result = detect({path("a.gif"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("a.gif: animated"), std::string::npos) << result.err;
  EXPECT_NE(json::parse(result.out)["results"][0]["note"].get<std::string>().find("animated"), std::string::npos);
}

TEST_F(DetectCommand, AnInterruptedVideoGetsNoVerdict) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "long.avi", 400, 25, [&](int) { return photo; });
  const pid_t child = test::start_cli({"detect", path("two.png"), path("long.avi"), "--model", path("m.safetensors"),
                                       "--frames", "400", "--out", path("out")},
                                      dir_ / "err");
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
  for (int i = 0; i < 1000 && !fs::exists(dir_ / "out" / "two_verdict.png"); ++i) pause();
  pause();  // now it is looking at the video
  ::kill(child, SIGTERM);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGTERM) << read_file(dir_ / "err");
  EXPECT_FALSE(fs::exists(dir_ / "out" / "long_verdict.jpg"));
}

TEST_F(DetectCommand, MistakesNameTheWayOut) {
  EXPECT_NE(detect({path("two.png"), "--out", path("two.png")}).err.find("overwrite"), std::string::npos);
  EXPECT_NE(detect({path("two.png"), path("m.safetensors"), "--out", path("v.png")}).err.find("name a folder"),
            std::string::npos);
  EXPECT_EQ(run_cli({"detect", path("two.png")}, {.env = {"FSFM_MODELS_DIR=" + path("")}}).exit_code, 2);
  EXPECT_NE(run_cli({"detect", path("two.png"), "--model", path("two.png")}).err.find("two.png"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
