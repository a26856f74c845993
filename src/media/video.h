// Frames of a video, decoded once, in order, upright, with square pixels, in sRGB (FFmpeg's libraries).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm {

struct VideoOptions {
  int threads = 0;         // of the decoder; 0 = one a core, at most 8. The frames do not depend on it
  std::stop_token stop{};  // looked at often; once it is asked to stop the film is over
};

// Thread-compatible. What the film shows is what counts: frames hidden by an edit list are not seen, turns and
// mirrorings are applied, pixels are made square, interlaced frames are put together, HDR is brought to SDR. Each frame
// is converted by its own size and colours, so that frames of one film may differ in size. Only real containers are
// opened (no playlists, no addresses), and nothing they refer to; nothing is printed, no setting of the process is
// changed.
class VideoReader {
 public:
  // Throws Error when the file is no video this build can open, or none of its frames can be decoded.
  explicit VideoReader(const std::filesystem::path& path, VideoOptions options = {});
  // A file in memory, which must outlive the reader; `name` stands for it in messages.
  VideoReader(std::span<const std::byte> file, const std::string& name, VideoOptions options = {});
  ~VideoReader();
  VideoReader(VideoReader&&) noexcept;

  // Visible frames, damaged ones included: from a pass over the packets when the file is opened, without decoding.
  int64_t frame_count() const;
  double fps() const;  // 0 if unknown
  // Of the first frame as it is delivered.
  int width() const;
  int height() const;
  // Frames so far that could not be decoded, came out damaged, or cannot be shown; once next() has come to the end of
  // the film, also those which its index lists and the file does not hold.
  int64_t skipped() const;
  // One line each, for people: which of several videos is read, that the file is cut short.
  const std::vector<std::string>& notes() const;

  struct Frame {
    int64_t index;   // among the visible frames
    double seconds;  // since the first of them; never decreases
    Image image;
  };
  // The next frame whose index is in `wanted` (ascending), decoding the others without converting them; nullopt at the
  // end of the film or of the list.
  std::optional<Frame> next(const std::vector<int64_t>& wanted);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// linspace(0, total-1, n) truncated to int (method.md section 1); fewer when total < n (each index once).
std::vector<int64_t> linspace_frames(int64_t total, int n);
std::vector<int64_t> every_kth_frame(int64_t total, int k);

}  // namespace fsfm
