// Frames of a video file, decoded once, in order (FFmpeg through OpenCV).
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "media/image.h"

namespace fsfm {

// Thread-compatible. Rotation metadata is applied. Frames that cannot be decoded are skipped and counted. Only real
// containers on this disk are opened (no playlists, no addresses); nothing is printed.
class VideoReader {
 public:
  // Throws Error when the file is no video this build can open.
  explicit VideoReader(const std::filesystem::path& path);
  ~VideoReader();
  VideoReader(VideoReader&&) noexcept;

  // As the container lists them (MP4, QuickTime, AVI), damaged ones included; of other containers, which tell a
  // duration at best, counted by a pass over the file when it is opened.
  int64_t frame_count() const;
  double fps() const;  // 0 if unknown
  int width() const;
  int height() const;
  // Frames that could not be decoded so far; once next() has come to the end of the file, also those which the
  // container lists and nothing came of.
  int64_t skipped() const;

  struct Frame {
    int64_t index;
    double seconds;
    Image image;
  };
  // The next frame whose index is in `wanted` (ascending), grabbing over the others without converting them; nullopt at
  // the end of the file or of the list.
  std::optional<Frame> next(const std::vector<int64_t>& wanted);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// linspace(0, total-1, n) truncated to int (method.md section 1); fewer when total < n (each index once).
std::vector<int64_t> linspace_frames(int64_t total, int n);
std::vector<int64_t> every_kth_frame(int64_t total, int k);

}  // namespace fsfm
