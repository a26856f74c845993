// `fsfm detect --camera`, with a program that stands for ffmpeg and writes what a camera would have given.
#include <gtest/gtest.h>

#include <csignal>

#include "base/file.h"
#include "support/face_painter.h"
#include "support/run_cli.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"
#include "support/videos.h"

namespace fsfm {
namespace {

class Camera : public testing::Test {
 protected:
  Camera() {
    test::write_tiny_detector(dir_ / "m.safetensors");
    fs::create_directories(dir_ / "bin");
  }
  std::string path(const std::string& name) { return (dir_ / name).string(); }
  // `$HERE` is the folder of the test.
  void let_ffmpeg(const std::string& script) {
    write_file_atomic(dir_ / "bin/ffmpeg", std::string_view("#!/bin/sh\nHERE=${0%/bin/ffmpeg}\n" + script));
    fs::permissions(dir_ / "bin/ffmpeg", fs::perms::owner_all);
  }
  std::string with_program() { return "PATH=" + path("bin") + ":/usr/bin:/bin"; }
  std::vector<std::string> command(std::vector<std::string> more) {
    more.insert(more.begin(), {"detect", "--model", path("m.safetensors"), "--camera"});
    return more;
  }
  test::CliResult run(const std::vector<std::string>& more) {
    return test::run_cli(command(more), {.env = {with_program()}, .folder = {}});
  }

  test::TempDir dir_;
};

TEST_F(Camera, IsJudgedAsAFilm) {
  const Image photo = test::paint_photo(3, 1, 320, 280).image;
  test::write_video(dir_ / "seen.avi", 20, 10, [&](int) { return photo; });
  let_ffmpeg("echo \"$@\" > $HERE/asked\ncat $HERE/seen.avi\n");
  const auto seen = run({"/dev/null", "--seconds", "2", "--frames", "4"});
  ASSERT_EQ(seen.exit_code, 0) << seen.err;
  EXPECT_NE(seen.out.find("camera /dev/null: video, 4 frames looked at, 4 with a face"), std::string::npos) << seen.out;
  EXPECT_NE(read_file(dir_ / "asked").find("-f v4l2 -i /dev/null -t 2 "), std::string::npos)
      << read_file(dir_ / "asked");
}

TEST_F(Camera, WhatIsMissingIsNamed) {
  let_ffmpeg("echo first >&2\necho 'Device busy' >&2\nexit 1\n");
  const auto busy = run({"/dev/null"});
  EXPECT_EQ(busy.exit_code, 2);
  EXPECT_NE(busy.err.find("/dev/null gives no picture: Device busy; "), std::string::npos) << busy.err;
  const auto none = run({"97"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("there is no camera /dev/video97; "), std::string::npos) << none.err;
  const auto nothing = test::run_cli(command({"/dev/null"}), {.env = {"PATH=" + path("elsewhere")}, .folder = {}});
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_NE(nothing.err.find("install ffmpeg"), std::string::npos) << nothing.err;
  EXPECT_EQ(run({"0", path("m.safetensors")}).exit_code, 2);
  const auto no_camera = test::run_cli({"detect", path("m.safetensors"), "--seconds", "2"});
  EXPECT_EQ(no_camera.exit_code, 2);
  EXPECT_NE(no_camera.err.find("--seconds is how long"), std::string::npos) << no_camera.err;
}

// Told alone, without its recorder, it stops the recorder and does not wait for its end.
TEST_F(Camera, RecordingIsInterrupted) {
  let_ffmpeg("touch $HERE/began\nsleep 25\ntouch $HERE/ended\n");
  const auto result = test::run_shell(
      "PATH=$PWD/bin:$PATH $FSFM detect --model m.safetensors --camera /dev/null & pid=$!\n"
      "while ! [ -e began ]; do sleep 0.05; done; kill -TERM $pid; wait $pid",
      {.env = {}, .folder = dir_.path()});
  EXPECT_EQ(result.exit_code, 128 + SIGTERM) << result.err;
  EXPECT_FALSE(fs::exists(dir_ / "ended"));
}

}  // namespace
}  // namespace fsfm
