#include "media/video_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace fsfm {

VideoSource::VideoSource(const std::filesystem::path& path) : name_(path.string()) {
  // Not blocking: a pipe that nobody writes to would keep us waiting here.
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    const int code = errno;
    throw Error("cannot open " + name_ + ": " + std::strerror(code), "check the path and its permissions", code);
  }
  struct stat status {};
  const bool known = ::fstat(fd_, &status) == 0;
  const bool regular = known && S_ISREG(status.st_mode);
  size_ = regular && status.st_size > 0 ? static_cast<uint64_t>(status.st_size) : 0;
  if (regular && size_ > 0) return;
  ::close(fd_);
  if (!regular) throw Error(name_ + " is no regular file", "a video is read twice: save it as a file first");
  throw Error(ErrorCode::damaged, name_ + " is empty", "copy or download the file again");
}

VideoSource::VideoSource(std::span<const std::byte> bytes, std::string name)
    : name_(std::move(name)), bytes_(bytes), size_(bytes.size()) {
  if (bytes.empty()) throw Error(ErrorCode::damaged, name_ + " is empty", "copy or download the file again");
}

VideoSource::~VideoSource() {
  if (fd_ >= 0) ::close(fd_);
}

int64_t VideoSource::read_at(uint64_t at, std::span<std::byte> into) const {
  if (at >= size_) return 0;
  if (fd_ < 0) {
    const auto part = bytes_.subspan(at, std::min<uint64_t>(into.size(), size_ - at));
    std::copy(part.begin(), part.end(), into.begin());
    return static_cast<int64_t>(part.size());
  }
  for (;;) {
    const ssize_t got = ::pread(fd_, into.data(), into.size(), static_cast<off_t>(at));
    if (got >= 0) return got;
    if (errno != EINTR) return -errno;
  }
}

std::string VideoSource::text_at(uint64_t at, size_t n) const {
  std::string text(n, '\0');
  const int64_t got = read_at(at, std::as_writable_bytes(std::span(text)));
  text.resize(static_cast<size_t>(std::max<int64_t>(0, got)));
  return text;
}

bool is_unfinished_mp4(const VideoSource& source) {
  bool is_mp4 = false;
  const auto big_endian = [](std::string_view bytes) {
    uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  };
  constexpr int kMostBoxes = 10'000;
  uint64_t at = 0;
  for (int i = 0; i < kMostBoxes && at < source.size(); ++i) {
    const std::string header = source.text_at(at, 16);
    if (header.size() < 8) break;
    const std::string_view box = std::string_view(header).substr(4, 4);
    if (box == "moov" || box == "moof") return false;
    is_mp4 |= box == "ftyp" || box == "mdat" || box == "wide";
    if (!is_mp4) return false;
    uint64_t length = big_endian(std::string_view(header).substr(0, 4));
    if (length == 1 && header.size() == 16) length = big_endian(std::string_view(header).substr(8));
    if (length < 8 || length > source.size() - at) break;  // "to the end of the file", or further
    at += length;
  }
  return is_mp4;
}

}  // namespace fsfm
