// A video's container, opened behind closed doors: which demuxers may look at it, what they may open (nothing), and
// which of its streams is the film.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "media/av.h"
#include "media/video_source.h"

namespace fsfm {

constexpr int64_t kMostVideoPixels = 100'000'000;  // of a frame; checked before frames are allocated

// One pass over the packets of the film. A second pass is a second VideoDemuxer: seeking back is not exact in every
// container. Thread-compatible.
class VideoDemuxer {
 public:
  // `source` must outlive it. Throws Error when the file is no video, or none this build can read.
  VideoDemuxer(const VideoSource& source, std::stop_token stop);
  ~VideoDemuxer();
  VideoDemuxer(const VideoDemuxer&) = delete;
  VideoDemuxer& operator=(const VideoDemuxer&) = delete;

  // The film's next packet in the order of the file; false at the end, or when `stop` says so. The n-th packet of one
  // pass is the n-th of every other.
  bool read(AVPacket& packet);

  const VideoSource& source() const { return source_; }
  const std::string& name() const { return source_.name(); }
  AVFormatContext& format() const { return *format_; }
  AVStream& stream() const { return *format_->streams[stream_]; }
  const AVCodec& codec() const { return *codec_; }
  bool is(const char* demuxer) const;  // a short name of libavformat's: "mov", "avi", "mpegts"
  // One line each, for people: which stream was chosen when there are several.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  void open();
  [[noreturn]] void refuse() const;
  void choose_stream();
  void close();

  const VideoSource& source_;
  std::stop_token stop_;
  uint64_t position_ = 0;
  AVIOContext* io_ = nullptr;
  AVFormatContext* format_ = nullptr;
  const AVCodec* codec_ = nullptr;
  int stream_ = -1;
  std::vector<std::string> notes_;

  static int read_bytes(void* self, uint8_t* into, int size);
  static int64_t seek(void* self, int64_t offset, int whence);
};

}  // namespace fsfm
