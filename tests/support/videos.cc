#include "support/videos.h"

#include <bit>
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
      writer.open(path.string(), path.extension() == ".avi" ? cv::CAP_OPENCV_MJPEG : cv::CAP_FFMPEG, fourcc, fps,
                  {image.width, image.height});
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

namespace {

uint32_t big_endian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return value;
}

std::string big_endian(uint32_t value) {
  std::string bytes(4, '\0');
  for (int i = 0; i < 4; ++i) bytes[static_cast<size_t>(i)] = static_cast<char>(value >> (24 - 8 * i));
  return bytes;
}

}  // namespace

void slow_mp4_start(const std::filesystem::path& path, uint32_t frames, uint32_t factor) {
  std::string bytes = read_file(path);
  // The table of durations ("stts") holds one run; it is given two, and every box around it grows by 8 bytes. The index
  // stands behind the pictures, so that nothing else moves.
  const size_t table = bytes.find("stts");
  if (table == std::string::npos || big_endian(bytes, table + 8) != 1) throw std::runtime_error("no table of one run");
  const uint32_t all = big_endian(bytes, table + 12), delta = big_endian(bytes, table + 16);
  bytes.replace(table + 8, 12, big_endian(2) + big_endian(frames) + big_endian(delta * factor) + big_endian(all - frames) + big_endian(delta));
  for (const char* box : {"moov", "trak", "mdia", "minf", "stbl", "stts"}) {
    const size_t size = bytes.find(box) - 4;
    bytes.replace(size, 4, big_endian(big_endian(bytes, size) + 8));
  }
  // The edit list ends the film at its former length; players pass over a box that is free.
  if (const size_t edits = bytes.find("edts"); edits != std::string::npos) bytes.replace(edits, 4, "free");
  write_file_atomic(path, bytes);
}

void set_mkv_duration(const std::filesystem::path& path, double milliseconds) {
  std::string bytes = read_file(path);
  const size_t element = bytes.find("\x44\x89\x88");  // Duration, of 8 bytes
  if (element == std::string::npos) throw std::runtime_error("no duration");
  const auto value = std::bit_cast<uint64_t>(milliseconds);
  bytes.replace(element + 3, 8,
                big_endian(static_cast<uint32_t>(value >> 32)) + big_endian(static_cast<uint32_t>(value)));
  write_file_atomic(path, bytes);
}

void damage_avi_frame(const std::filesystem::path& path, int index) {
  std::string bytes = read_file(path);
  size_t at = bytes.find("movi");
  for (int i = 0; i <= index && at != std::string::npos; ++i) at = bytes.find("00dc", at + 1);
  if (at == std::string::npos) throw std::runtime_error("no such frame");
  const size_t size = static_cast<uint8_t>(bytes[at + 4]) + 256u * static_cast<uint8_t>(bytes[at + 5]);
  std::fill_n(bytes.begin() + static_cast<int64_t>(at) + 8, size, '\0');
  write_file_atomic(path, bytes);
}

}  // namespace fsfm::test
