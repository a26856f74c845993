#include "media/video.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {
namespace {

// OpenCV and FFmpeg report on stderr and take their settings from the environment only. Set once, before the first file
// is opened; what the user has set stays.
void quiet_ffmpeg() {
  static std::once_flag once;
  std::call_once(once, [] {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
    // A video file may be a playlist that names other files or hosts: containers only, and from this disk only.
    setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS",
           "protocol_whitelist;file|format_whitelist;mov,avi,matroska,webm,mpeg,mpegts,mpegvideo,flv,asf,ogg,m4v,h264,"
           "hevc",
           0);
  });
}

// Does the container list its frames one by one? Others only tell a duration and a rate, if anything; so does an MP4 in
// fragments, whose top-level boxes ([length][name]) include "moof".
bool lists_its_frames(std::span<const std::byte> file) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  if (bytes.starts_with("RIFF")) return true;
  const auto big_endian = [&](size_t at, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + static_cast<size_t>(i)]);
    return value;
  };
  bool has_index = false;
  for (uint64_t at = 0, length = 0; bytes.size() - at >= 16; at += length) {
    const std::string_view box = bytes.substr(at + 4, 4);
    if (box == "moof") return false;
    has_index |= box == "moov";
    length = big_endian(at, 4);
    if (length == 1) length = big_endian(at + 8, 8);
    if (length < 8 || length > bytes.size() - at) break;
  }
  return has_index;
}

constexpr int64_t kMostPixels = 100'000'000;
constexpr int64_t kMostLostInARow = 250;  // then the rest of the file is given up

// How a player turns the stored frames, in degrees clockwise: 0, 90, 180 or 270. OpenCV 4.6 takes FFmpeg's
// counterclockwise angle for a clockwise one, and so turns phone videos upside down: hence we turn the frames
// ourselves.
int clockwise_turn(const cv::VideoCapture& capture) {
  const int angle = (static_cast<int>(std::lround(capture.get(cv::CAP_PROP_ORIENTATION_META))) % 360 + 360) % 360;
  if (angle % 90 != 0) return 0;
#if CV_VERSION_MAJOR == 4 && CV_VERSION_MINOR == 6
  return (360 - angle) % 360;
#else
  return angle;
#endif
}

}  // namespace

struct VideoReader::Impl {
  std::string name;
  cv::VideoCapture capture;
  int64_t frames = 0, skipped = 0;
  int64_t position = 0;  // index of the frame that the next grab delivers
  double fps = 0;
  int width = 0, height = 0, turn = 0;
  bool ended = false;

  void open(const std::filesystem::path& path) {
    try {
      // The "file:" keeps names such as "http:x.mp4" or "concat:a" from being taken for addresses.
      capture.open("file:" + std::filesystem::absolute(path).string(), cv::CAP_FFMPEG);
    } catch (const cv::Exception&) {
      capture.release();
    }
    if (!capture.isOpened())
      throw Error(name + " is not a video fsfm can read, or it is truncated",
                  "copy or download the file again, or convert it: ffmpeg -i FILE out.mp4");
    capture.set(cv::CAP_PROP_ORIENTATION_AUTO, 0);
  }
  // OpenCV's own exceptions (a codec gave up, no memory) count as a frame that cannot be decoded.
  bool grab_once() {
    try {
      return capture.grab();
    } catch (const cv::Exception&) {
      return false;
    }
  }
  // Frames up to the last that can be decoded, those before it that cannot included. Leaves the capture at its end.
  int64_t count_frames() {
    int64_t count = 0;
    for (int64_t lost = 0; lost <= kMostLostInARow;) {
      if (grab_once()) {
        count += lost + 1;
        lost = 0;
      } else {
        ++lost;
      }
    }
    return count;
  }
  // Moves to the next frame that can be decoded. OpenCV stops at one that cannot, as it does at the end of the file, and
  // goes on behind it when it is asked again.
  bool grab() {
    if (ended) return false;
    for (int64_t lost = 0; lost <= kMostLostInARow; ++lost) {
      if (grab_once()) {
        skipped += lost;
        position += lost;
        return true;
      }
      if (position + lost + 1 >= frames) break;
    }
    ended = true;
    if (frames > position) skipped += frames - position;
    return false;
  }
  bool retrieve(cv::Mat& bgr) {
    try {
      if (!capture.retrieve(bgr) || bgr.empty() || bgr.type() != CV_8UC3) return false;
      if (turn == 90) cv::rotate(bgr, bgr, cv::ROTATE_90_CLOCKWISE);
      if (turn == 180) cv::rotate(bgr, bgr, cv::ROTATE_180);
      if (turn == 270) cv::rotate(bgr, bgr, cv::ROTATE_90_COUNTERCLOCKWISE);
      return true;
    } catch (const cv::Exception&) {
      return false;
    }
  }
};

VideoReader::VideoReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>()) {
  quiet_ffmpeg();
  impl_->name = path.string();
  bool lists_frames = false;
  {
    const MappedFile file(path);
    if (file.bytes().empty()) throw Error(impl_->name + " is empty", "copy or download the file again");
    lists_frames = lists_its_frames(file.bytes());
  }
  impl_->open(path);
  auto& capture = impl_->capture;
  impl_->turn = clockwise_turn(capture);
  impl_->width = static_cast<int>(capture.get(cv::CAP_PROP_FRAME_WIDTH));
  impl_->height = static_cast<int>(capture.get(cv::CAP_PROP_FRAME_HEIGHT));
  if (impl_->turn % 180 != 0) std::swap(impl_->width, impl_->height);
  if (impl_->width < 1 || impl_->height < 1 || static_cast<int64_t>(impl_->width) * impl_->height > kMostPixels)
    throw Error(impl_->name + " has frames of " + std::to_string(impl_->width) + "x" + std::to_string(impl_->height) +
                    " pixels",
                "the limit is 100,000,000 pixels");
  const double frames = capture.get(cv::CAP_PROP_FRAME_COUNT), fps = capture.get(cv::CAP_PROP_FPS);
  impl_->frames = std::isfinite(frames) && frames > 0 && frames < 1e9 ? static_cast<int64_t>(frames) : 0;
  impl_->fps = std::isfinite(fps) && fps > 0 && fps < 1e5 ? fps : 0;
  // A duration times a rate is no count: WebM may lack the one, phones and screen recorders vary the other.
  if (!lists_frames || impl_->frames == 0) {
    impl_->frames = impl_->count_frames();
    impl_->open(path);  // from the beginning again
  }
}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;

int64_t VideoReader::frame_count() const { return impl_->frames; }
double VideoReader::fps() const { return impl_->fps; }
int VideoReader::width() const { return impl_->width; }
int VideoReader::height() const { return impl_->height; }
int64_t VideoReader::skipped() const { return impl_->skipped; }

std::optional<VideoReader::Frame> VideoReader::next(const std::vector<int64_t>& wanted) {
  auto target = std::lower_bound(wanted.begin(), wanted.end(), impl_->position);
  while (target != wanted.end() && impl_->grab()) {
    const int64_t index = impl_->position++;
    if (index < *target) continue;
    ++target;
    const double milliseconds = impl_->capture.get(cv::CAP_PROP_POS_MSEC);
    cv::Mat bgr;
    if (!impl_->retrieve(bgr)) {
      ++impl_->skipped;
      continue;
    }
    Frame frame{index, std::isfinite(milliseconds) ? milliseconds / 1e3 : 0.0, Image(bgr.cols, bgr.rows)};
    cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, frame.image.rgb.data());
    cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
    return frame;
  }
  return std::nullopt;
}

std::vector<int64_t> linspace_frames(int64_t total, int n) {
  std::vector<int64_t> frames;
  if (total < 1 || n < 1) return frames;
  for (int i = 0; i < n; ++i) {
    const double step = n > 1 ? static_cast<double>(total - 1) / (n - 1) : 0.0;
    // The last value is exact in numpy, whatever the rounding of i * step.
    const int64_t index = i == n - 1 && n > 1 ? total - 1 : static_cast<int64_t>(i * step);
    if (frames.empty() || index > frames.back()) frames.push_back(index);
  }
  return frames;
}

std::vector<int64_t> every_kth_frame(int64_t total, int k) {
  if (k < 1) throw Error("cannot take every " + std::to_string(k) + "th frame", "use 1 or more");
  std::vector<int64_t> frames;
  for (int64_t i = 0; i < total; i += k) frames.push_back(i);
  return frames;
}

}  // namespace fsfm
