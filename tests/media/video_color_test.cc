// What a frame looks like: matrices, ranges, formats, HDR, the shape of pixels, turns, fields.
#include "media/video_color.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "media/codec.h"
#include "media/video.h"
#include "support/error_text.h"
#include "support/pictures.h"
#include "support/temp_dir.h"
#include "support/videos.h"

namespace fsfm {
namespace {

using test::error_text;
using test::ffmpeg;
using test::TempDir;
using Rgb = std::array<int, 3>;

constexpr std::array<Rgb, 4> kColors{{{200, 60, 50}, {40, 150, 70}, {60, 70, 190}, {180, 140, 120}}};

// Four flat quarters: top left, top right, bottom left, bottom right.
Image quarters(int width = 64, int height = 48) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (size_t k = 0; k < 3; ++k)
        image.row(y)[3 * x + static_cast<int>(k)] =
            static_cast<uint8_t>(kColors[(y >= height / 2 ? 2u : 0u) + (x >= width / 2 ? 1u : 0u)][k]);
  return image;
}

Rgb at(const Image& image, double x, double y) {
  const uint8_t* pixel = image.row(static_cast<int>(y * image.height)) + 3 * static_cast<int>(x * image.width);
  return {pixel[0], pixel[1], pixel[2]};
}

int apart(const Rgb& a, const Rgb& b) {
  int most = 0;
  for (size_t k = 0; k < 3; ++k) most = std::max(most, std::abs(a[k] - b[k]));
  return most;
}

// The quarters that are expected at top left, top right, bottom left, bottom right.
void expect_quarters(const Image& image, int tolerance, const std::array<int, 4>& order = {0, 1, 2, 3}) {
  const double corners[4][2] = {{0.25, 0.25}, {0.75, 0.25}, {0.25, 0.75}, {0.75, 0.75}};
  for (size_t i = 0; i < 4; ++i) {
    const Rgb seen = at(image, corners[i][0], corners[i][1]);
    EXPECT_LE(apart(seen, kColors[static_cast<size_t>(order[i])]), tolerance)
        << "quarter " << i << ": " << seen[0] << " " << seen[1] << " " << seen[2];
  }
}

Image first_frame(const std::filesystem::path& path) {
  VideoReader video(path);
  auto frame = video.next({0});
  if (!frame) throw Error("no frame");
  EXPECT_EQ(video.width(), frame->image.width);
  EXPECT_EQ(video.height(), frame->image.height);
  return std::move(frame->image);
}

class VideoColor : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (dir_ / name).string(); }
  void write(const std::string& name, const std::vector<std::string>& how, int frames = 3, int w = 64,
             int h = 48) const {
    test::write_video(
        dir_ / name, frames, 25, [&](int) { return quarters(w, h); }, how);
  }
  TempDir dir_;
};

TEST_F(VideoColor, OrdinaryFramesAreThoseOfFfmpeg) {
  struct Form {
    std::string name, size;
    std::vector<std::string> how;
  };
  const std::vector<Form> forms = {
      {"plain.mp4", "162:120", {"-c:v", "libx264", "-pix_fmt", "yuv420p"}},
      {"odd.mp4", "161:119", {"-c:v", "libx264", "-pix_fmt", "yuv444p"}},
      {"odd.mkv", "161:119", {"-c:v", "ffv1", "-pix_fmt", "yuv420p"}},
      {"tiny.mkv", "2:2", {"-c:v", "ffv1", "-pix_fmt", "yuv420p"}},
      {"hd.mp4", "1280:720", {"-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast"}},
      {"tagged.mp4", "160:120", {"-c:v", "libx264", "-pix_fmt", "yuv420p", "-colorspace", "bt709"}},
      {"422.mp4", "160:120", {"-c:v", "libx264", "-pix_fmt", "yuv422p"}},
      {"full.mp4", "160:120", {"-c:v", "libx264", "-pix_fmt", "yuvj420p"}},
      {"ten.mp4", "160:120", {"-c:v", "libx264", "-pix_fmt", "yuv420p10le"}},
      {"ten422.mkv", "160:120", {"-c:v", "ffv1", "-pix_fmt", "yuv422p10le"}},
      {"gbr.mkv", "160:120", {"-c:v", "ffv1", "-pix_fmt", "bgr0"}},
      {"gbr.mp4", "160:120", {"-c:v", "libx264rgb", "-pix_fmt", "rgb24"}},
      {"grey.mkv", "160:120", {"-c:v", "ffv1", "-pix_fmt", "gray"}},
      {"greyh264.mp4", "160:120", {"-c:v", "libx264", "-pix_fmt", "gray"}},
      {"raw.avi", "160:120", {"-c:v", "rawvideo", "-pix_fmt", "bgr24"}},  // bottom-up
      {"palette.avi", "160:120", {"-c:v", "rawvideo", "-pix_fmt", "pal8"}},
      {"uyvy.avi", "160:120", {"-c:v", "rawvideo", "-pix_fmt", "uyvy422"}},
  };
  for (const auto& [name, size, how] : forms) {
    SCOPED_TRACE(name);
    std::vector<std::string> args = {"-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.2,scale=" + size + ",setsar=1"};
    args.insert(args.end(), how.begin(), how.end());
    args.push_back(path(name));
    ffmpeg(args);
    VideoReader video(dir_ / name);
    const auto expected = test::ffmpeg_frames(dir_ / name, video.width(), video.height());
    ASSERT_EQ(static_cast<size_t>(video.frame_count()), expected.size());
    for (const Image& image : expected) {
      const auto frame = video.next(every_kth_frame(5, 1));
      ASSERT_TRUE(frame);
      int most = 0;
      for (size_t i = 0; i < image.rgb.size(); ++i) most = std::max(most, std::abs(image.rgb[i] - frame->image.rgb[i]));
      EXPECT_LE(most, 1);
    }
  }
}

TEST_F(VideoColor, EachMatrixAndRangeGivesTheSameColours) {
  const auto how = [](const std::string& matrix, const std::string& range, const std::string& format) {
    return std::vector<std::string>{
        "-vf",          "scale=out_color_matrix=" + matrix + ":out_range=" + range + ":flags=accurate_rnd",
        "-pix_fmt",     format,
        "-colorspace",  matrix == "bt2020" ? "bt2020nc" : matrix,
        "-color_range", range,
        "-c:v",         "libx264",
        "-crf",         "4"};
  };
  for (const char* matrix : {"bt709", "smpte170m", "fcc", "smpte240m", "bt2020"})
    for (const char* range : {"tv", "pc"})
      for (const char* format : {"yuv420p", "yuv444p", "yuv422p10le"}) {
        SCOPED_TRACE(std::string(matrix) + " " + range + " " + format);
        write("a.mp4", how(matrix, range, format));
        expect_quarters(first_frame(dir_ / "a.mp4"), 4);
      }
}

TEST_F(VideoColor, AColourSpaceNobodyKnowsIsAnErrorNotAGarbledFace) {
  write("a.mp4", {"-pix_fmt", "yuv444p", "-colorspace", "ycgco", "-c:v", "libx264"});
  const std::string error = error_text([&] { VideoReader video(dir_ / "a.mp4"); });
  EXPECT_NE(error.find("ycgco"), std::string::npos) << error;
  EXPECT_NE(error.find("a.mp4"), std::string::npos) << error;
}

TEST_F(VideoColor, AlphaLiesOverWhite) {
  write("a.mov", {"-vf", "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(X,W/2),255,0)'", "-c:v", "png",
                  "-pix_fmt", "rgba"});
  const Image image = first_frame(dir_ / "a.mov");
  EXPECT_LE(apart(at(image, 0.25, 0.25), kColors[0]), 1);
  EXPECT_LE(apart(at(image, 0.75, 0.25), {255, 255, 255}), 1);
  write("none.mov", {"-vf", "format=rgba,colorchannelmixer=aa=0", "-c:v", "png", "-pix_fmt", "rgba"});
  expect_quarters(first_frame(dir_ / "none.mov"), 1);  // nobody filled the channel
}

TEST_F(VideoColor, PixelsAreMadeSquare) {
  struct Case {
    std::string name, shape;
    std::vector<std::string> codec;
    int stored_width, shown_width, height;
  };
  const std::vector<std::string> h264 = {"-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p"};
  const Case cases[] = {
      {"wide.mp4", "16/9", h264, 64, 114, 48},
      {"narrow.mkv", "1/2", h264, 64, 32, 48},
      {"wide.ts", "4/3", h264, 66, 88, 48},
      {"pal.mpg", "16/15", {"-c:v", "mpeg2video", "-q:v", "2"}, 720, 768, 576},
      {"nearly.mp4", "r=200/201:max=1000", h264, 64, 64, 48},
      {"nonsense.mp4", "100/1", h264, 64, 64, 48},
      {"square.mp4", "1/1", h264, 64, 64, 48},
      {"unknown.mp4", "0/1", h264, 64, 64, 48},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> how = {"-vf", "setsar=" + c.shape};
    how.insert(how.end(), c.codec.begin(), c.codec.end());
    write(c.name, how, 3, c.stored_width, c.height);
    const Image image = first_frame(dir_ / c.name);
    EXPECT_EQ(image.width, c.shown_width);
    EXPECT_EQ(image.height, c.height);
    expect_quarters(image, 6);
  }
}

TEST_F(VideoColor, AllEightTurnsAndMirrorings) {
  struct Case {
    int a, b, c, d;
    std::array<int, 4> order;
  };
  const Case cases[] = {
      {1, 0, 0, 1, {0, 1, 2, 3}},   {0, 1, -1, 0, {2, 0, 3, 1}},  // clockwise
      {-1, 0, 0, -1, {3, 2, 1, 0}}, {0, -1, 1, 0, {1, 3, 0, 2}},  // counterclockwise
      {-1, 0, 0, 1, {1, 0, 3, 2}},  {1, 0, 0, -1, {2, 3, 0, 1}},
      {0, 1, 1, 0, {0, 2, 1, 3}},   {0, -1, -1, 0, {3, 1, 2, 0}},
  };
  write("flat.mp4", {"-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p", "-vf", "setsar=2/1"});
  for (const auto& c : cases) {
    SCOPED_TRACE(testing::Message() << c.a << " " << c.b << " " << c.c << " " << c.d);
    std::filesystem::copy_file(dir_ / "flat.mp4", dir_ / "turned.mp4",
                               std::filesystem::copy_options::overwrite_existing);
    test::set_mp4_matrix(dir_ / "turned.mp4", c.a, c.b, c.c, c.d);
    const Image image = first_frame(dir_ / "turned.mp4");
    EXPECT_EQ(image.width, c.a == 0 ? 48 : 128);  // pixels are made square as they are stored, then turned
    EXPECT_EQ(image.height, c.a == 0 ? 128 : 48);
    expect_quarters(image, 6, c.order);
  }
}

TEST(VideoOrientation, OddMatricesTurnNothing) {
  const Orientation upright;
  EXPECT_EQ(orientation_of({}), upright);
  EXPECT_EQ(orientation_of({46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30}), upright);  // 45 degrees
  EXPECT_EQ(orientation_of({0, 65536, 0, 65536, 65536, 0, 0, 0, 1 << 30}), upright);
  EXPECT_EQ(orientation_of({100, 65536, 0, -65536, -90, 0, 0, 0, 1 << 30}), (Orientation{0, 1, -1, 0}));
}

TEST_F(VideoColor, ATurnInTheStreamItselfIsApplied) {
  write("sei.mp4", {"-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p", "-bsf:v",
                    "h264_metadata=display_orientation=insert:flip=horizontal"});
  expect_quarters(first_frame(dir_ / "sei.mp4"), 6, {1, 0, 3, 2});
}

TEST_F(VideoColor, EachFrameIsConvertedByItsOwnFormat) {
  for (const char* first : {"yuvj422p", "yuvj444p", "gray"}) {
    const bool grey = std::string(first) == "gray";
    for (int i = 0; i < 4; ++i) {
      const fs::path still = dir_ / ("s" + std::to_string(i) + ".jpg");
      if (i == 0 && grey)  // ffmpeg's encoder writes none
        write_file_atomic(still, test::jpeg_of(std::vector<uint8_t>(64 * 48, 101), 64, 48, 1));
      else
        test::write_video(still, 1, 25, [&](int) { return quarters(); },
                          {"-pix_fmt", i == 0 ? first : "yuvj420p", "-q:v", "1", "-c:v", "mjpeg", "-f", "image2"});
    }
    ffmpeg({"-framerate", "10", "-i", path("s%d.jpg"), "-c", "copy", path("switch.avi")});
    VideoReader video(dir_ / "switch.avi");
    for (int64_t i = 0; i < 4; ++i) {
      const auto frame = video.next({0, 1, 2, 3});
      ASSERT_TRUE(frame);
      if (i == 0 && grey)
        EXPECT_LE(apart(at(frame->image, 0.25, 0.25), {101, 101, 101}), 1);
      else
        expect_quarters(frame->image, 6);
    }
    EXPECT_EQ(video.skipped(), 0);
  }
}

TEST_F(VideoColor, SizeRangeAndPixelShapeMayChangeWithinAStream) {
  const std::vector<std::string> h264 = {"-c:v", "libx264", "-crf", "4", "-f", "mpegts"};
  const auto part = [&](const std::vector<std::string>& more, int w, int h) {
    std::vector<std::string> how = h264;
    how.insert(how.end(), more.begin(), more.end());
    write("part.ts", how, 4, w, h);
    return read_file(dir_ / "part.ts");
  };
  // Full range last: libx264 does not name a limited one, and the decoder keeps the last it was told.
  const auto limited = [&](int w, int h, const std::string& shape = "1/1") {
    return part({"-pix_fmt", "yuv420p", "-color_range", "tv", "-vf", "setsar=" + shape}, w, h);
  };
  const auto full = [&](int w, int h) { return part({"-pix_fmt", "yuvj420p", "-color_range", "pc"}, w, h); };
  write_file_atomic(dir_ / "all.ts", limited(64, 48) + limited(96, 80) + limited(96, 80, "2/1") + full(64, 48));
  VideoReader video(dir_ / "all.ts");
  EXPECT_EQ(video.width(), 64);
  std::vector<int> widths;
  while (const auto frame = video.next(every_kth_frame(30, 1))) {
    expect_quarters(frame->image, 6);
    widths.push_back(frame->image.width);
  }
  EXPECT_EQ(widths, (std::vector<int>{64, 64, 64, 64, 96, 96, 96, 96, 192, 192, 192, 192, 64, 64, 64, 64}));
}

// The same light in another coding, by zimg, which shares nothing with ours.
std::string recoded(const std::string& transfer, const std::string& range) {
  return "format=gbrp,setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc,"
         "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=2020,zscale=t=" +
         transfer + ":m=2020_ncl:r=" + range + ":npl=203,format=yuv420p10le";
}

TEST_F(VideoColor, HdrShowsTheColoursOfSdr) {
  for (const auto& [tag, coder] : {std::pair<std::string, std::string>{"arib-std-b67", "libx265"},
                                   {"smpte2084", "libx265"},
                                   {"smpte2084", "libvpx-vp9"},
                                   {"arib-std-b67", "ffv1"}})
    for (const char* range : {"tv", "pc"}) {
      SCOPED_TRACE(tag + " " + coder + " " + range);
      std::vector<std::string> how = {
          "-vf",         recoded(tag, range), "-c:v",         coder, "-color_primaries", "bt2020", "-color_trc", tag,
          "-colorspace", "bt2020nc",          "-color_range", range};
      if (coder == "libx265") how.insert(how.end(), {"-x265-params", "log-level=none:crf=4"});
      if (coder == "libvpx-vp9") how.insert(how.end(), {"-crf", "4", "-b:v", "0"});
      write("hdr.mkv", how);
      const Image image = first_frame(dir_ / "hdr.mkv");
      // As ffmpeg calls it, zimg takes HLG's screen gamma by channel, where BT.2100 (and we) take it by luminance:
      // strong colours differ, skin hardly does.
      expect_quarters(image, tag == "smpte2084" ? 6 : 30);
      EXPECT_LE(apart(at(image, 0.75, 0.75), kColors[3]), 8);
    }
}

TEST_F(VideoColor, HdrThatNamesNoMatrixIsTakenForBt2020) {
  write("hdr.mkv", {"-vf", recoded("smpte2084", "tv") + ",setparams=colorspace=unknown:color_primaries=unknown", "-c:v",
                    "ffv1", "-color_trc", "smpte2084", "-colorspace", "unknown", "-color_primaries", "unknown"});
  expect_quarters(first_frame(dir_ / "hdr.mkv"), 6);
}

TEST_F(VideoColor, BrightLightIsBentNotCut) {
  // PQ of 203, 400 and 900 cd/m2 in grey: white, and two brighter that stay apart.
  std::vector<int> seen;
  for (const int code : {594, 668, 758}) {
    write("pq.mkv",
          {"-vf", "format=yuv420p10le,geq=lum=" + std::to_string(code) + ":cb=512:cr=512", "-c:v", "ffv1",
           "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "pc"});
    const Rgb grey = at(first_frame(dir_ / "pq.mkv"), 0.5, 0.5);
    EXPECT_LE(apart(grey, {grey[1], grey[1], grey[1]}), 1);
    seen.push_back(grey[1]);
  }
  EXPECT_NEAR(seen[0], 244, 4);
  EXPECT_GT(seen[1], seen[0] + 2);
  EXPECT_GT(seen[2], seen[1] + 1);
  EXPECT_LE(seen[2], 255);
}

TEST_F(VideoColor, WideGamutSdrIsBroughtToOrdinaryPrimaries) {
  write("wide.mkv",
        {"-vf", "format=gbrp,zscale=tin=709:pin=709:min=gbr:rin=pc:p=2020:t=709:m=2020_ncl:r=tv,format=yuv420p10le",
         "-c:v", "ffv1", "-color_primaries", "bt2020", "-color_trc", "bt709", "-colorspace", "bt2020nc"});
  expect_quarters(first_frame(dir_ / "wide.mkv"), 5);
}

// How much neighbouring lines differ beyond what the lines two apart do.
double comb(const Image& image) {
  double sum = 0;
  for (int y = 1; y + 1 < image.height; ++y)
    for (int x = 0; x < image.width * 3; ++x)
      sum += std::max(
          0, std::abs(image.row(y)[x] - image.row(y - 1)[x]) - std::abs(image.row(y + 1)[x] - image.row(y - 1)[x]));
  return sum / static_cast<double>(image.rgb.size());
}

TEST_F(VideoColor, InterlacedFramesAreWithoutComb) {
  const auto bar = [](int i) {  // moves 6 pixels from field to field
    Image image(128, 96, 40);
    for (int y = 0; y < 96; ++y) std::fill_n(image.row(y) + 3 * (6 * i % 100), 3 * 20, uint8_t{220});
    return image;
  };
  for (const char* codec : {"mpeg2video", "libx264", "ffv1"}) {
    SCOPED_TRACE(codec);
    std::vector<std::string> how = {
        "-vf", "tinterlace=interleave_top,setfield=tff", "-c:v", codec, "-pix_fmt", "yuv420p", "-g", "5"};
    if (std::string(codec) != "ffv1") how.insert(how.end(), {"-flags", "+ildct+ilme", "-qmax", "4"});
    test::write_video(dir_ / "i.mkv", 20, 50, bar, how);
    const auto woven = test::ffmpeg_frames(dir_ / "i.mkv", 128, 96);
    VideoReader video(dir_ / "i.mkv"), sparse(dir_ / "i.mkv");
    ASSERT_EQ(video.frame_count(), 10);
    ASSERT_EQ(woven.size(), 10u);
    std::vector<Image> images;
    for (size_t i = 0; i < 10; ++i) {
      auto frame = video.next(every_kth_frame(10, 1));
      ASSERT_TRUE(frame) << i;
      EXPECT_EQ(frame->index, static_cast<int64_t>(i));
      EXPECT_GT(comb(woven[i]), 2);
      EXPECT_LT(comb(frame->image), 0.25 * comb(woven[i]));
      images.push_back(std::move(frame->image));
    }
    EXPECT_FALSE(video.next(every_kth_frame(20, 1)));
    EXPECT_EQ(video.skipped(), 0);
    for (const size_t i : {3u, 4u, 9u})
      EXPECT_EQ(sparse.next({3, 4, 9})->image.rgb, images[i].rgb);  // whatever is asked for
  }
}

}  // namespace
}  // namespace fsfm
