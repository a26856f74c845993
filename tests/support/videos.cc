#include "support/videos.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "base/file.h"
#include "support/temp_dir.h"

namespace fsfm::test {

void ffmpeg(const std::vector<std::string>& args) {
  std::string command = "ffmpeg -y -nostdin -hide_banner -loglevel error";
  for (const std::string& arg : args) {
    std::string quoted;
    for (const char c : arg) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += " '" + quoted + "'";
  }
  const TempDir dir;
  const int status = std::system((command + " 2> '" + (dir / "said").string() + "'").c_str());
  if (status != 0) throw std::runtime_error(command + ": " + read_file(dir / "said"));
}

void write_video(const std::filesystem::path& path, int frames, double fps, const std::function<Image(int)>& draw,
                 std::vector<std::string> how) {
  const TempDir dir;
  std::string raw;
  int width = 0, height = 0;
  for (int i = 0; i < frames; ++i) {
    const Image image = draw(i);
    width = image.width, height = image.height;
    raw.append(reinterpret_cast<const char*>(image.rgb.data()), image.rgb.size());
  }
  write_file_atomic(dir / "raw", raw);
  if (how.empty() && path.extension() == ".mp4") how = {"-c:v", "mpeg4", "-q:v", "2"};
  if (how.empty()) how = {"-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"};
  std::vector<std::string> args = {"-f",          "rawvideo",
                                   "-pix_fmt",    "rgb24",
                                   "-video_size", std::to_string(width) + "x" + std::to_string(height),
                                   "-framerate",  std::to_string(fps),
                                   "-i",          (dir / "raw").string()};
  args.insert(args.end(), how.begin(), how.end());
  args.push_back("file:" + path.string());
  ffmpeg(args);
}

std::vector<Image> ffmpeg_frames(const std::filesystem::path& path, int width, int height) {
  const TempDir dir;
  ffmpeg({"-i", path.string(), "-vsync", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", (dir / "raw").string()});
  const std::string raw = read_file(dir / "raw");
  std::vector<Image> images;
  const size_t size = static_cast<size_t>(width) * height * 3;
  for (size_t at = 0; at + size <= raw.size(); at += size) {
    Image& image = images.emplace_back(width, height);
    std::copy_n(raw.begin() + static_cast<std::ptrdiff_t>(at), size, image.rgb.begin());
  }
  return images;
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

void set_mp4_matrix(const std::filesystem::path& path, int a, int b, int c, int d) {
  std::string bytes = read_file(path);
  const size_t header = bytes.find("tkhd");
  if (header == std::string::npos) throw std::runtime_error("no track header");
  constexpr size_t kMatrix = 4 + 40;
  const auto fixed = [](int value) { return big_endian(static_cast<uint32_t>(value) << 16); };
  const std::string zero(4, '\0');
  bytes.replace(header + kMatrix, 32, fixed(a) + fixed(b) + zero + fixed(c) + fixed(d) + zero + zero + zero);
  write_file_atomic(path, bytes);
}

void rotate_mp4_clockwise(const std::filesystem::path& path) { set_mp4_matrix(path, 0, 1, -1, 0); }

void slow_mp4_start(const std::filesystem::path& path, uint32_t frames, uint32_t factor) {
  std::string bytes = read_file(path);
  // The table of durations ("stts") holds one run; it is given two, and every box around it grows by 8 bytes. The index
  // stands behind the pictures, so that nothing else moves.
  const size_t table = bytes.find("stts");
  if (table == std::string::npos || big_endian(bytes, table + 8) != 1) throw std::runtime_error("no table of one run");
  const uint32_t all = big_endian(bytes, table + 12), delta = big_endian(bytes, table + 16);
  bytes.replace(
      table + 8, 12,
      big_endian(2) + big_endian(frames) + big_endian(delta * factor) + big_endian(all - frames) + big_endian(delta));
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

void damage_avi_frame(const std::filesystem::path& path, int index, double from) {
  std::string bytes = read_file(path);
  size_t at = bytes.find("movi");
  for (int i = 0; i <= index && at != std::string::npos; ++i) at = bytes.find("00dc", at + 1);
  if (at == std::string::npos) throw std::runtime_error("no such frame");
  const size_t size = static_cast<uint8_t>(bytes[at + 4]) + 256u * static_cast<uint8_t>(bytes[at + 5]);
  const auto kept = static_cast<size_t>(from * static_cast<double>(size));
  std::fill_n(bytes.begin() + static_cast<int64_t>(at + 8 + kept), size - kept, '\0');
  write_file_atomic(path, bytes);
}

}  // namespace fsfm::test
