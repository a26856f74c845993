#include "support/videos.h"

#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <stdexcept>
#include <string>

#include "base/file.h"

namespace fsfm::test {

void write_video(const std::filesystem::path& path, int frames, double fps, const std::function<Image(int)>& draw) {
  const bool mp4 = path.extension() == ".mp4";
  const int fourcc = mp4 ? cv::VideoWriter::fourcc('m', 'p', '4', 'v') : cv::VideoWriter::fourcc('M', 'J', 'P', 'G');
  cv::VideoWriter writer;
  for (int i = 0; i < frames; ++i) {
    Image image = draw(i);
    if (i == 0)
      writer.open(path.string(), mp4 ? cv::CAP_FFMPEG : cv::CAP_OPENCV_MJPEG, fourcc, fps, {image.width, image.height});
    if (!writer.isOpened()) throw std::runtime_error("cannot write a test video");
    cv::Mat bgr;
    cv::cvtColor(cv::Mat(image.height, image.width, CV_8UC3, image.rgb.data()), bgr, cv::COLOR_RGB2BGR);
    writer.write(bgr);
  }
}

void rotate_mp4_clockwise(const std::filesystem::path& path) {
  std::string bytes = read_file(path);
  const size_t header = bytes.find("tkhd");
  // The 3 x 3 matrix of the track header: (0, 1, 0; -1, 0, 0; 0, 0, 1) in 16.16 and 2.30 fixed point.
  constexpr size_t kMatrix = 4 + 40;
  const std::string matrix("\0\0\0\0\0\1\0\0\0\0\0\0\xFF\xFF\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0", 36);
  if (header == std::string::npos) throw std::runtime_error("no track header");
  bytes.replace(header + kMatrix, matrix.size(), matrix);
  write_file_atomic(path, bytes);
}

}  // namespace fsfm::test
