// Which frames a file shows: edit lists, containers without a count, several streams, damaged and hostile files.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "media/av.h"
#include "media/video.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using test::error_text;
using test::ffmpeg;
using test::TempDir;

constexpr int kFrames = 20;
const std::vector<std::string> kX264 = {"-c:v", "libx264", "-crf", "8", "-pix_fmt", "yuv420p", "-g", "250"};

// The left half tells the frame's index by its brightness; the right half is black.
Image numbered(int index) {
  Image image(64, 48);
  for (int y = 0; y < 48; ++y) std::fill_n(image.row(y), 32 * 3, static_cast<uint8_t>(60 + 8 * index));
  return image;
}
int number_of(const Image& image) { return (image.row(image.height / 4)[image.width / 4 * 3] - 60 + 4) / 8; }

std::vector<std::string> with(std::vector<std::string> how, const std::vector<std::string>& more) {
  how.insert(how.end(), more.begin(), more.end());
  return how;
}

// Every frame the reader gives shows the number `first` + its index and comes in order, `step` seconds apart.
int64_t expect_numbers(VideoReader& video, int first, double step) {
  int64_t frames = 0;
  double last = -1;
  while (const auto frame = video.next(every_kth_frame(video.frame_count() + 5, 1))) {
    EXPECT_EQ(number_of(frame->image), first + frame->index);
    EXPECT_NEAR(frame->seconds, static_cast<double>(frame->index) * step, 2e-3);
    EXPECT_GE(frame->seconds, last);
    last = frame->seconds;
    ++frames;
  }
  return frames;
}

class VideoFile : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  void write(const std::string& name, const std::vector<std::string>& how, int frames = kFrames) const {
    test::write_video(dir_ / name, frames, 25, numbered, how);
  }
  std::string error_of(const std::string& name) const {
    return error_text([&] { VideoReader video(dir_ / name); });
  }
  TempDir dir_;
};

TEST_F(VideoFile, AnEditListHidesFrames) {
  write("full.mp4", kX264);
  ffmpeg({"-ss", "0.48", "-i", path("full.mp4"), "-c", "copy", path("cut.mp4")});
  VideoReader video(dir_ / "cut.mp4");
  EXPECT_EQ(video.frame_count(), 8);
  EXPECT_EQ(expect_numbers(video, 12, 0.04), 8);
  EXPECT_EQ(video.skipped(), 0);
}

TEST_F(VideoFile, SoItDoesInFragments) {
  write("full.mp4", kX264);
  ffmpeg(
      {"-ss", "0.48", "-i", path("full.mp4"), "-c", "copy", "-movflags", "frag_keyframe+delay_moov", path("cut.mp4")});
  VideoReader video(dir_ / "cut.mp4");
  EXPECT_EQ(video.frame_count(), 8);
  EXPECT_EQ(expect_numbers(video, 12, 0.04), 8);
}

TEST_F(VideoFile, ADelayAtTheStartMovesNoTime) {
  write("full.mp4", kX264);
  ffmpeg({"-itsoffset", "0.5", "-i", path("full.mp4"), "-f", "lavfi", "-t", "1", "-i", "sine", "-map", "0", "-map", "1",
          "-c:v", "copy", path("late.mp4")});
  VideoReader video(dir_ / "late.mp4");
  EXPECT_EQ(video.frame_count(), kFrames);
  EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames);
}

TEST_F(VideoFile, EveryContainerGivesEveryFrameOnceAtItsTime) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> kinds = {
      {"h264.mp4", kX264},
      {"clock.mp4", with(kX264, {"-video_track_timescale", "90000"})},
      {"fragments.mp4", with(kX264, {"-movflags", "frag_keyframe+empty_moov", "-g", "6"})},
      {"h264.mov", kX264},
      {"h264.mkv", kX264},
      {"h264.ts", kX264},
      {"h264.flv", kX264},
      {"h264.avi", with(kX264, {"-bf", "0"})},
      {"raw.h264", kX264},
      {"raw.hevc", {"-c:v", "libx265", "-crf", "8", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"}},
      {"hevc.mp4", {"-c:v", "libx265", "-crf", "8", "-pix_fmt", "yuv420p", "-x265-params", "log-level=none"}},
      {"alt.webm", {"-c:v", "libvpx", "-crf", "4", "-b:v", "4M", "-auto-alt-ref", "1", "-lag-in-frames", "16"}},
      {"vp9.webm", {"-c:v", "libvpx-vp9", "-crf", "4", "-b:v", "0", "-deadline", "realtime", "-pix_fmt", "yuv420p"}},
      {"vp8.ivf", {"-c:v", "libvpx", "-crf", "4", "-b:v", "4M"}},
      {"mpeg4.avi", {"-c:v", "mpeg4", "-q:v", "2", "-bf", "2"}},
      {"mpeg2.mpg", {"-c:v", "mpeg2video", "-q:v", "2", "-bf", "2"}},
      {"dvd.vob", {"-c:v", "mpeg2video", "-q:v", "2", "-f", "dvd"}},
      {"theora.ogv", {"-c:v", "libtheora", "-q:v", "10"}},
      {"wmv.wmv", {"-c:v", "wmv2", "-q:v", "2"}},
      {"mjpeg.mkv", {}},
      {"lossless.mkv", {"-c:v", "ffv1"}},
  };
  for (const auto& [name, how] : kinds) {
    SCOPED_TRACE(name);
    write(name, how);
    VideoReader video(dir_ / name);
    EXPECT_EQ(video.frame_count(), kFrames);
    EXPECT_NEAR(video.fps(), 25, 0.1);
    EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames);
    EXPECT_EQ(video.skipped(), 0);
    EXPECT_TRUE(video.notes().empty());
  }
}

TEST_F(VideoFile, SlowAndShortFilms) {
  test::write_video(dir_ / "lapse.mp4", 5, 1, numbered, kX264);
  VideoReader lapse(dir_ / "lapse.mp4");
  EXPECT_EQ(expect_numbers(lapse, 0, 1), 5);
  write("one.mp4", kX264, 1);
  VideoReader one(dir_ / "one.mp4");
  EXPECT_EQ(one.frame_count(), 1);
  EXPECT_EQ(expect_numbers(one, 0, 1), 1);
}

TEST_F(VideoFile, AStreamThatBeginsBetweenKeyFramesBeginsAtTheNext) {
  write("whole.ts", with(kX264, {"-g", "6", "-bf", "2", "-muxdelay", "0"}));
  const std::string whole = read_file(dir_ / "whole.ts");
  constexpr size_t kPacket = 188;
  size_t expected = 0;
  for (const double part : {0.2, 0.35, 0.5}) {
    const auto from = static_cast<size_t>(part * static_cast<double>(whole.size())) / kPacket * kPacket;
    // Tables first, as a recorder would have them.
    write_file_atomic(dir_ / "cut.ts", whole.substr(0, 3 * kPacket) + whole.substr(from));
    VideoReader video(dir_ / "cut.ts");
    expected = test::ffmpeg_frames(dir_ / "cut.ts", 64, 48).size();
    EXPECT_GT(expected, 0u);
    EXPECT_EQ(static_cast<size_t>(video.frame_count()), expected) << part;
    int64_t frames = 0;
    int last = -1;
    while (const auto frame = video.next(every_kth_frame(kFrames, 1))) {
      EXPECT_EQ(frame->index, frames++);
      EXPECT_GT(number_of(frame->image), last);
      last = number_of(frame->image);
    }
    EXPECT_EQ(last, kFrames - 1);
    EXPECT_EQ(static_cast<size_t>(frames), expected);
  }
}

TEST_F(VideoFile, FilmsGluedTogetherGoOnInTime) {
  write("a.ts", kX264, 10);
  const std::string once = read_file(dir_ / "a.ts");
  write_file_atomic(dir_ / "twice.ts", once + once);
  VideoReader video(dir_ / "twice.ts");
  EXPECT_EQ(video.frame_count(), 20);
  double last = -1;
  int64_t frames = 0;
  while (const auto frame = video.next(every_kth_frame(30, 1))) {
    EXPECT_EQ(number_of(frame->image), frame->index % 10);
    EXPECT_GT(frame->seconds, last);
    last = frame->seconds;
    ++frames;
  }
  EXPECT_EQ(frames, 20);
  EXPECT_NEAR(last, 0.76, 0.1);
}

TEST_F(VideoFile, CutShortItGivesWhatItHoldsAndSaysSo) {
  write("whole.mp4", with(kX264, {"-movflags", "faststart", "-g", "4", "-bf", "0"}));
  const std::string whole = read_file(dir_ / "whole.mp4");
  write_file_atomic(dir_ / "cut.mp4", whole.substr(0, whole.size() * 9 / 10));
  VideoReader video(dir_ / "cut.mp4");
  ASSERT_EQ(video.notes().size(), 1u);
  EXPECT_NE(video.notes()[0].find("cut short"), std::string::npos);
  EXPECT_LT(video.frame_count(), kFrames);
  const int64_t frames = expect_numbers(video, 0, 0.04);
  EXPECT_GT(frames, 5);
  EXPECT_GE(frames, video.frame_count() - 1);  // the last may be half there
  EXPECT_EQ(video.skipped(), kFrames - frames);
}

TEST_F(VideoFile, ADamagedFrameLeavesTheOthersTheirNumbers) {
  for (const char* name : {"a.mp4", "a.mkv", "a.avi"}) {
    SCOPED_TRACE(name);
    write(name, {"-c:v", "libx264", "-crf", "8", "-pix_fmt", "yuv420p", "-g", "1"});
    std::string bytes = read_file(dir_ / name);
    // The sixth slice: [length of 4 bytes][0x65 ...] in MP4 and MKV, [0 0 1][0x65 ...] in AVI.
    size_t at = bytes.find(std::string(name) == "a.avi"   ? "movi"
                           : std::string(name) == "a.mkv" ? "\x1F\x43\xB6\x75"
                                                          : "mdat");
    for (int i = 0; i < 6; ++i) at = bytes.find("\x65\x88", at + 1);
    ASSERT_NE(at, std::string::npos);
    bytes.replace(at + 2, 30, 30, '\xFF');
    write_file_atomic(dir_ / name, bytes);
    VideoReader video(dir_ / name);
    EXPECT_EQ(video.frame_count(), kFrames);
    EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames - 1);
    EXPECT_EQ(video.skipped(), 1);
  }
}

TEST_F(VideoFile, HalfAJpegIsNoFrame) {
  const auto busy = [](int i) {  // numbered on the left, noise on the right
    Image image = numbered(i);
    Rng rng(static_cast<uint64_t>(i));
    for (int y = 0; y < 48; ++y)
      for (int x = 32 * 3; x < 64 * 3; ++x) image.row(y)[x] = static_cast<uint8_t>(rng.below(256));
    return image;
  };
  for (const double from : {0.5, 0.8}) {
    test::write_video(dir_ / "a.avi", kFrames, 25, busy);
    test::damage_avi_frame(dir_ / "a.avi", 4, from);
    VideoReader video(dir_ / "a.avi");
    EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames - 1);
    EXPECT_EQ(video.skipped(), 1);
  }
}

TEST_F(VideoFile, ARecordingThatWasNotFinishedIsTold) {
  write("whole.mp4", kX264);
  const std::string whole = read_file(dir_ / "whole.mp4");
  write_file_atomic(dir_ / "dead.mp4", whole.substr(0, whole.find("moov") - 4));
  write_file_atomic(dir_ / "half.mp4", whole.substr(0, whole.find("moov") / 2));
  for (const char* name : {"dead.mp4", "half.mp4"}) {
    EXPECT_NE(error_of(name).find(name), std::string::npos);
    EXPECT_NE(error_of(name).find("no index"), std::string::npos) << error_of(name);
  }
}

TEST_F(VideoFile, WhatIsNoVideoIsNamedByItsContent) {
  ffmpeg({"-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1", path("p.jpg")});
  ffmpeg({"-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1", path("p.png")});
  ffmpeg({"-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "2", path("p.gif")});
  ffmpeg({"-f", "lavfi", "-i", "sine=d=1", path("s.wav")});
  const std::pair<std::string, std::string> files[] = {
      {read_file(dir_ / "p.jpg"), "a JPEG picture"},
      {read_file(dir_ / "p.png"), "a PNG picture"},
      {read_file(dir_ / "p.gif"), "a GIF picture"},
      {read_file(dir_ / "s.wav"), "a sound file"},
      {"<!DOCTYPE html><html><body>404</body></html>", "a web page"},
      {"just a few words\nof text\n", "a text file"},
      {"PK\3\4" + std::string(100, '\1'), "a ZIP archive"},
  };
  for (const auto& [bytes, name] : files) {
    write_file_atomic(dir_ / "x.mp4", bytes);
    EXPECT_NE(error_of("x.mp4").find("is no video but " + name), std::string::npos)
        << name << ": " << error_of("x.mp4");
  }
}

TEST_F(VideoFile, PlaylistsAndPatternsAreNotFollowed) {
  write("a.mp4", kX264);
  for (const std::string& text :
       {"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n" + path("a.mp4") + "\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '" + path("a.mp4") + "'\n"}) {
    write_file_atomic(dir_ / "list.mp4", text);
    EXPECT_NE(error_of("list.mp4").find("list.mp4 is a playlist"), std::string::npos) << error_of("list.mp4");
  }
  write_file_atomic(dir_ / "zeros.mp4", std::string(5000, '\0'));
  EXPECT_NE(error_of("zeros.mp4").find("zeros.mp4 is not a video"), std::string::npos) << error_of("zeros.mp4");
}

TEST_F(VideoFile, SoundAloneIsNoVideo) {
  ffmpeg({"-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", path("sound.mp4")});
  ffmpeg({"-f", "lavfi", "-i", "testsrc=s=64x48", "-frames:v", "1", path("cover.png")});
  ffmpeg({"-i", path("sound.mp4"), "-i", path("cover.png"), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0",
          "attached_pic", path("song.mp4")});
  EXPECT_NE(error_of("sound.mp4").find("sound.mp4 has no video: only sound"), std::string::npos);
  EXPECT_NE(error_of("song.mp4").find("only sound and a cover picture"), std::string::npos) << error_of("song.mp4");
}

TEST_F(VideoFile, TheFilmIsReadNotItsCover) {
  write("film.mp4", kX264);
  ffmpeg({"-f", "lavfi", "-i", "testsrc=s=640x480", "-frames:v", "1", path("cover.png")});
  ffmpeg({"-i", path("cover.png"), "-i", path("film.mp4"), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0",
          "attached_pic", path("both.mp4")});
  VideoReader video(dir_ / "both.mp4");
  EXPECT_EQ(video.width(), 64);
  EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames);
  EXPECT_TRUE(video.notes().empty());  // a cover is no second film
}

TEST_F(VideoFile, OfSeveralFilmsTheDefaultOrTheLargestIsReadAndNamed) {
  write("film.mkv", kX264);
  ffmpeg({"-f", "lavfi", "-i", "testsrc=s=32x32:r=25:d=0.8", "-c:v", "libx264", path("small.mkv")});
  const auto both = [&](const std::string& small, const std::string& film) {
    ffmpeg({"-i", path("small.mkv"), "-i", path("film.mkv"), "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0",
            small, "-disposition:v:1", film, path("both.mkv")});
    VideoReader video(dir_ / "both.mkv");
    EXPECT_EQ(video.frame_count(), kFrames);
    EXPECT_EQ(video.notes().size(), 1u);
    EXPECT_NE(video.notes().at(0).find("2 videos: stream"), std::string::npos);
    return video.width();
  };
  EXPECT_EQ(both("0", "0"), 64);
  EXPECT_EQ(both("default", "default"), 64);
  EXPECT_EQ(both("default", "0"), 32);
}

TEST_F(VideoFile, StreamsOfOtherKindsBeforeTheFilmAreHarmless) {
  ffmpeg({"-f", "lavfi", "-i", "sine=d=0.8", "-c:a", "aac", path("s.mp4")});
  write("film.mp4", kX264);
  ffmpeg({"-i", path("s.mp4"), "-i", path("film.mp4"), "-map", "0", "-map", "1", "-c", "copy", "-timecode",
          "01:00:00:00", path("camera.mov")});
  VideoReader video(dir_ / "camera.mov");
  EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames);
}

TEST_F(VideoFile, NamesAreNeverAddressesOrPatterns) {
  write("a.mp4", kX264);
  const fs::path here = fs::current_path();
  fs::current_path(dir_.path());
  for (const char* name : {"http:a.mp4", "concat:a.mp4", "-i", "a%03d.mp4", "file:a.mp4", "pipe:0", "a*.mp4"}) {
    fs::copy_file("a.mp4", name);
    EXPECT_EQ(VideoReader(name).frame_count(), kFrames) << name;
  }
  fs::current_path(here);
}

TEST_F(VideoFile, WhatIsNoRegularFileIsAnError) {
  EXPECT_NE(error_text([&] { VideoReader video(dir_.path()); }).find("no regular file"), std::string::npos);
  EXPECT_NE(error_text([&] { VideoReader video("/dev/zero"); }).find("no regular file"), std::string::npos);
  EXPECT_NE(error_of("missing.mp4").find("missing.mp4"), std::string::npos);
}

TEST_F(VideoFile, HugeClaimsAreRefusedBeforeFramesAreAllocated) {
  write_file_atomic(dir_ / "huge.y4m", "YUV4MPEG2 W20000 H10000 F25:1 C420jpeg\nFRAME\n" + std::string(5000, 'x'));
  EXPECT_NE(error_of("huge.y4m").find("20000x10000 pixels"), std::string::npos) << error_of("huge.y4m");
  // A JPEG of the film that claims to be larger than the others (after SOF0: length, precision, height, width).
  write("a.avi", {});
  std::string bytes = read_file(dir_ / "a.avi");
  size_t at = bytes.find("movi");
  for (int i = 0; i < 5; ++i) at = bytes.find("\xFF\xC0", at + 1);
  bytes.replace(at + 5, 4, "\xFF\x00\xFF\x00", 4);
  write_file_atomic(dir_ / "a.avi", bytes);
  VideoReader video(dir_ / "a.avi");
  EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames - 1);
  EXPECT_EQ(video.skipped(), 1);
}

TEST_F(VideoFile, AFilmInMemory) {
  write("a.mp4", kX264);
  const std::string bytes = read_file(dir_ / "a.mp4");
  VideoReader video(std::as_bytes(std::span(bytes)), "upload");
  EXPECT_EQ(expect_numbers(video, 0, 0.04), kFrames);
  const std::string text = "some text";
  EXPECT_NE(error_text([&] { VideoReader bad(std::as_bytes(std::span(text)), "upload"); }).find("upload is no video"),
            std::string::npos);
}

TEST_F(VideoFile, ThreadsChangeNothing) {
  ffmpeg({"-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1", "-c:v", "libx264", path("a.mp4")});
  VideoReader one(dir_ / "a.mp4", {.threads = 1}), four(dir_ / "a.mp4", {.threads = 4});
  const auto wanted = linspace_frames(one.frame_count(), 7);
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_EQ(one.next(wanted)->image.rgb, four.next(wanted)->image.rgb);
}

TEST_F(VideoFile, ItStopsWhenAsked) {
  write("a.mp4", kX264);
  std::stop_source stop;
  VideoReader video(dir_ / "a.mp4", {.threads = 1, .stop = stop.get_token()});
  ASSERT_TRUE(video.next(every_kth_frame(kFrames, 1)));
  stop.request_stop();
  int64_t frames = 0;
  while (video.next(every_kth_frame(kFrames, 1))) ++frames;
  EXPECT_LT(frames, kFrames / 2);
  EXPECT_FALSE(VideoReader(dir_ / "a.mp4", {.stop = stop.get_token()}).next({0}));
}

TEST_F(VideoFile, TheLogLevelOfTheProcessStays) {
  write("a.mp4", kX264);
  const int before = av_log_get_level();
  av_log_set_level(AV_LOG_DEBUG);
  testing::internal::CaptureStderr();
  {
    VideoReader video(dir_ / "a.mp4");
    EXPECT_EQ(av_log_get_level(), AV_LOG_DEBUG);
    while (video.next(every_kth_frame(kFrames, 1))) {
    }
    write_file_atomic(dir_ / "bad.mp4", read_file(dir_ / "a.mp4").substr(0, 900));
    EXPECT_NE(error_of("bad.mp4"), "");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(av_log_get_level(), AV_LOG_DEBUG);
  av_log_set_level(before);
}

}  // namespace
}  // namespace fsfm
