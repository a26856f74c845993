#include "media/video.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm {
namespace {

// The left half tells the frame's index by its brightness; the right half is black.
Image numbered(int index) {
  Image image(64, 48);
  for (int y = 0; y < 48; ++y) std::fill_n(image.row(y), 32 * 3, static_cast<uint8_t>(60 + 8 * index));
  return image;
}

int number_of(const Image& image) { return (image.row(image.height / 4)[image.width / 4 * 3] - 60 + 4) / 8; }

std::vector<int64_t> all(int64_t n) { return every_kth_frame(n, 1); }

TEST(Video, DeliversTheWantedFramesInOnePass) {
  test::TempDir dir;
  for (const char* name : {"a.mp4", "a.avi"}) {
    test::write_video(dir / name, 20, 10, numbered);
    VideoReader video(dir / name);
    EXPECT_EQ(video.frame_count(), 20);
    EXPECT_NEAR(video.fps(), 10, 1e-6);
    EXPECT_EQ(video.width(), 64);
    EXPECT_EQ(video.height(), 48);
    const std::vector<int64_t> wanted = {0, 3, 4, 19, 500};
    for (const int64_t index : {0, 3, 4, 19}) {
      const auto frame = video.next(wanted);
      ASSERT_TRUE(frame) << name;
      EXPECT_EQ(frame->index, index);
      EXPECT_EQ(number_of(frame->image), index);
      EXPECT_NEAR(frame->seconds, static_cast<double>(index) / 10, 1e-3);
    }
    EXPECT_FALSE(video.next(wanted));
    EXPECT_EQ(video.skipped(), 0);
  }
}

TEST(Video, RotationIsApplied) {
  test::TempDir dir;
  test::write_video(dir / "phone.mp4", 3, 10, numbered);
  test::rotate_mp4_clockwise(dir / "phone.mp4");
  VideoReader video(dir / "phone.mp4");
  EXPECT_EQ(video.width(), 48);
  EXPECT_EQ(video.height(), 64);
  const auto frame = video.next({0});
  ASSERT_TRUE(frame);
  ASSERT_EQ(frame->image.width, 48);
  ASSERT_EQ(frame->image.height, 64);
  EXPECT_GT(frame->image.row(10)[24 * 3], 40);  // the left half is now the upper one
  EXPECT_LT(frame->image.row(54)[24 * 3], 20);
}

TEST(Video, BadFilesAreErrorsThatNameTheFileAndPrintNothing) {
  test::TempDir dir;
  test::write_video(dir / "good.mp4", 10, 10, numbered);
  const std::string good = read_file(dir / "good.mp4");
  write_file_atomic(dir / "half.mp4", good.substr(0, good.size() / 2));  // the index is at the end: unreadable
  write_file_atomic(dir / "empty.mp4", "");
  write_file_atomic(dir / "text.mp4", "this is no video");
  write_file_atomic(dir / "list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n" + (dir / "good.mp4").string() +
                                          "\n#EXT-X-ENDLIST\n");
  testing::internal::CaptureStderr();
  for (const char* name : {"half.mp4", "empty.mp4", "text.mp4", "list.mp4", "missing.mp4"}) {
    try {
      VideoReader video(dir / name);
      ADD_FAILURE() << name;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos);
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Video, ATruncatedStreamGivesTheFramesItHas) {
  test::TempDir dir;
  test::write_video(dir / "a.avi", 20, 10, numbered);
  const std::string good = read_file(dir / "a.avi");
  write_file_atomic(dir / "cut.avi", good.substr(0, good.size() * 8 / 10));
  VideoReader video(dir / "cut.avi");
  int64_t frames = 0;
  while (const auto frame = video.next(all(20))) {
    EXPECT_EQ(frame->index, frames);
    EXPECT_EQ(number_of(frame->image), frames++);
  }
  EXPECT_GT(frames, 5);
  EXPECT_LT(frames, 20);
  EXPECT_EQ(video.skipped(), 20 - frames);
}

TEST(Video, FramesThatGiveNoPictureAreCounted) {
  test::TempDir dir;
  test::write_video(dir / "a.avi", 20, 10, numbered);
  for (const int index : {4, 5, 11}) test::damage_avi_frame(dir / "a.avi", index);
  VideoReader video(dir / "a.avi");
  int64_t frames = 0;
  while (video.next(all(20))) ++frames;
  EXPECT_EQ(frames, 17);
  EXPECT_EQ(video.skipped(), 3);
  EXPECT_FALSE(video.next(all(20)));
  EXPECT_EQ(video.skipped(), 3);  // counted once
}

TEST(Video, VariableRateGivesEveryFrameAtItsTime) {
  test::TempDir dir;
  test::write_video(dir / "phone.mp4", 20, 10, numbered);
  test::slow_mp4_start(dir / "phone.mp4", 8, 4);
  VideoReader video(dir / "phone.mp4");
  EXPECT_EQ(video.frame_count(), 20);
  for (int64_t i = 0; i < 20; ++i) {
    const auto frame = video.next(all(20));
    ASSERT_TRUE(frame) << i;
    EXPECT_EQ(frame->index, i);
    EXPECT_EQ(number_of(frame->image), i);
    EXPECT_NEAR(frame->seconds, static_cast<double>(i <= 8 ? 4 * i : 32 + i - 8) / 10, 1e-2);
  }
  EXPECT_FALSE(video.next(all(21)));
  EXPECT_EQ(video.skipped(), 0);
}

TEST(Video, FramesAreCountedWhereTheContainerOnlyTellsADuration) {
  test::TempDir dir;
  for (const double milliseconds : {2000.0, 10000.0, 500.0, 0.0}) {  // the truth, too long, too short, unknown
    test::write_video(dir / "a.mkv", 20, 10, numbered);
    test::set_mkv_duration(dir / "a.mkv", milliseconds);
    VideoReader video(dir / "a.mkv");
    EXPECT_EQ(video.frame_count(), 20) << milliseconds;
    const auto wanted = linspace_frames(video.frame_count(), 5);
    for (const int64_t index : {0, 4, 9, 14, 19}) {
      const auto frame = video.next(wanted);
      ASSERT_TRUE(frame) << milliseconds;
      EXPECT_EQ(frame->index, index);
      EXPECT_EQ(number_of(frame->image), index);
    }
    EXPECT_FALSE(video.next(all(21)));
    EXPECT_EQ(video.skipped(), 0);
  }
}

TEST(Video, DamagedBytesEndInFramesOrAnError) {
  test::TempDir dir;
  test::write_video(dir / "a.mp4", 20, 10, numbered);
  const std::string good = read_file(dir / "a.mp4");
  Rng rng(2);
  testing::internal::CaptureStderr();
  for (int trial = 0; trial < 20; ++trial) {
    std::string bad = good;
    for (int k = 0; k < 20; ++k) bad[rng.below(static_cast<uint32_t>(bad.size()))] = static_cast<char>(rng.below(256));
    write_file_atomic(dir / "bad.mp4", bad);
    try {
      VideoReader video(dir / "bad.mp4");
      while (video.next(all(20))) {
      }
    } catch (const Error&) {
    }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Video, FrameRules) {
  EXPECT_EQ(linspace_frames(383, 5), (std::vector<int64_t>{0, 95, 191, 286, 382}));
  EXPECT_EQ(linspace_frames(3, 8), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(linspace_frames(10, 1), (std::vector<int64_t>{0}));
  EXPECT_TRUE(linspace_frames(0, 4).empty());
  EXPECT_EQ(every_kth_frame(7, 3), (std::vector<int64_t>{0, 3, 6}));
  EXPECT_THROW(every_kth_frame(7, 0), Error);
}

}  // namespace
}  // namespace fsfm
