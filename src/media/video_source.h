// The bytes of a video, from a file or from memory: all that libavformat is ever given to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace fsfm {

// Read with pread, not mapped: a file that shrinks meanwhile ends early instead of ending the program. Thread-safe.
class VideoSource {
 public:
  // Throws Error when the file is missing, no regular file, or empty.
  explicit VideoSource(const std::filesystem::path& path);
  // The bytes must outlive the source; `name` stands for them in messages.
  VideoSource(std::span<const std::byte> bytes, std::string name);
  ~VideoSource();
  VideoSource(const VideoSource&) = delete;
  VideoSource& operator=(const VideoSource&) = delete;

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  // Bytes read, 0 at the end; a negative errno when reading fails.
  int64_t read_at(uint64_t at, std::span<std::byte> into) const;
  // Up to `n` bytes, "" where nothing can be read.
  std::string text_at(uint64_t at, size_t n) const;

 private:
  std::string name_;
  std::span<const std::byte> bytes_;
  uint64_t size_ = 0;
  int fd_ = -1;
};

// An MP4 or QuickTime file (its boxes, [length][name], say so) that has no index: what a phone leaves behind when it
// runs out of battery.
bool is_unfinished_mp4(const VideoSource& source);

}  // namespace fsfm
