// The film's visible frames, decoded once, in order, each with its index and time.
#pragma once

#include <cstdint>
#include <optional>

#include "media/video_plan.h"

namespace fsfm {

class VideoDecoder {
 public:
  // The demuxer stands at the start of the file and must outlive the decoder, as must the plan (which loses a lead-in
  // that cannot be decoded). `threads`: 0 = one a core, at most 8. Throws Error when the codec cannot be opened.
  VideoDecoder(VideoDemuxer& demuxer, FramePlan& plan, int threads);

  struct Decoded {
    av::Frame frame;
    int64_t index = 0;
    double seconds = 0;  // since the first frame; never less than the frame before
  };
  // The next whole frame; nullopt at the end of the film. Hidden frames are passed over, damaged ones are counted.
  std::optional<Decoded> next();

  // Frames that were lost or damaged so far; at the end also those that never came, or are absent from the file.
  int64_t lost() const;
  double fps() const { return fps_; }  // 0 if unknown

 private:
  bool feed();  // one packet more; false when the decoder takes no more
  void count_failure();
  double seconds_of(const AVFrame& frame, int64_t index);

  VideoDemuxer& demuxer_;
  FramePlan& plan_;
  av::Codec codec_;
  av::Packet packet_;
  bool timed_, flushing_ = false, ended_ = false;
  int failures_ = 0;      // in a row
  int64_t packets_ = 0;   // sent so far
  int64_t position_ = 0;  // index behind the last frame that came out
  int64_t delivered_ = 0;
  bool from_broken_packets_ = false;  // does the demuxer's word "corrupt" mean that bytes are missing?
  double fps_ = 0, seconds_ = 0, shift_ = 0;
  int64_t first_ticks_ = AV_NOPTS_VALUE;
};

}  // namespace fsfm
