// FFmpeg's C headers and owners for what they hand out; for media/video_*.cc and pictures of high dynamic range.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <memory>

namespace fsfm::av {

struct Free {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(SwsContext* scaler) const { sws_freeContext(scaler); }
};
using Frame = std::unique_ptr<AVFrame, Free>;
using Packet = std::unique_ptr<AVPacket, Free>;
using Codec = std::unique_ptr<AVCodecContext, Free>;
using Scaler = std::unique_ptr<SwsContext, Free>;

// Throw std::bad_alloc when there is no memory.
Frame make_frame();
Packet make_packet();
// Another owner of the same pixels.
Frame share(const AVFrame& frame);

// FFmpeg writes its complaints to stderr through one log level and one callback for the whole process, and most of its
// objects have none of their own. While a Quiet lives the level is "nothing"; the last one to go restores what it was,
// unless the program has set another meanwhile. A callback of the embedding program is left in place: it asked to be
// told. Decoders' threads work between two calls too: they are silenced by their own context's log_level_offset.
class Quiet {
 public:
  Quiet();
  ~Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

}  // namespace fsfm::av
