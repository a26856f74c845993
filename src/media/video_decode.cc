#include "media/video_decode.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <thread>
#include <utility>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr int kMostThreads = 8;
constexpr double kMostFps = 1000;  // more is a clock rate that some muxers write down for it
constexpr double kUsualFps = 25;
constexpr int kMostFailuresAtTheEnd = 100;

double rate(const VideoDemuxer& demuxer, const FramePlan& plan) {
  const AVStream& stream = demuxer.stream();
  for (const AVRational fps : {stream.avg_frame_rate, stream.r_frame_rate})
    if (fps.num > 0 && fps.den > 0 && av_q2d(fps) <= kMostFps) return av_q2d(fps);
  if (plan.ticks.size() < 2 || plan.ticks.back() <= plan.ticks.front()) return 0;
  const double span = static_cast<double>(plan.ticks.back() - plan.ticks.front()) * av_q2d(stream.time_base);
  const double fps = static_cast<double>(plan.ticks.size() - 1) / span;
  return std::isfinite(fps) && fps <= kMostFps ? fps : 0;
}

bool is_damaged(const AVFrame& frame) { return frame.flags & AV_FRAME_FLAG_CORRUPT || frame.decode_error_flags != 0; }

// A JPEG whose end was never written: zeros to the last byte, which its decoder takes for codes of grey.
bool ends_in_a_hole(const AVPacket& packet) {
  constexpr int kFewestZeros = 16;
  int end = packet.size;
  while (end > 0 && packet.data[end - 1] == 0) --end;
  return packet.size - end >= kFewestZeros &&
         !(end >= 2 && packet.data[end - 2] == 0xFF && packet.data[end - 1] == 0xD9);
}

// A packet's number travels through the decoder with its frame; one that is missing bytes is told by its sign.
int64_t ticket(int64_t packet, bool broken) { return broken ? -1 - packet : packet; }

}  // namespace

VideoDecoder::VideoDecoder(VideoDemuxer& demuxer, FramePlan& plan, int threads)
    : demuxer_(demuxer), plan_(plan), packet_(av::make_packet()), timed_(plan.timed) {
  codec_.reset(avcodec_alloc_context3(&demuxer.codec()));
  if (!codec_) throw std::bad_alloc();
  const AVStream& stream = demuxer.stream();
  if (avcodec_parameters_to_context(codec_.get(), stream.codecpar) < 0) throw std::bad_alloc();
  codec_->pkt_timebase = stream.time_base;
  codec_->max_pixels = kMostVideoPixels;
  codec_->log_level_offset = 100;  // beyond every level that is shown
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  codec_->thread_count = threads > 0 ? threads : std::min(cores, kMostThreads);
  // A JPEG that breaks off is grey or shifted from there on, and only this makes its decoder say so.
  if (codec_->codec_id == AV_CODEC_ID_MJPEG) codec_->err_recognition |= AV_EF_EXPLODE;
  if (avcodec_open2(codec_.get(), &demuxer.codec(), nullptr) < 0)
    throw Error(demuxer.name() + ": the codec " + avcodec_get_name(codec_->codec_id) + " cannot be opened",
                "convert it: ffmpeg -i FILE out.mp4");
  // In a transport stream the word only means that the packet before is missing; the decoder knows better.
  from_broken_packets_ = !demuxer.is("mpegts");
  fps_ = rate(demuxer, plan);
}

bool VideoDecoder::feed() {
  if (flushing_) return false;
  if (!demuxer_.read(*packet_)) {
    flushing_ = true;
    avcodec_send_packet(codec_.get(), nullptr);
    return true;
  }
  const bool broken = (from_broken_packets_ && packet_->flags & AV_PKT_FLAG_CORRUPT) ||
                      (codec_->codec_id == AV_CODEC_ID_MJPEG && ends_in_a_hole(*packet_));
  codec_->reordered_opaque = ticket(packets_, broken);
  ++packets_;
  if (avcodec_send_packet(codec_.get(), packet_.get()) < 0) count_failure();
  return true;
}

// Without time stamps a frame that fails leaves a gap in the numbers only if it is counted here.
void VideoDecoder::count_failure() {
  if (!timed_ && packets_ > plan_.first_key) ++position_;
  if (flushing_ && ++failures_ > kMostFailuresAtTheEnd) ended_ = true;
}

std::optional<VideoDecoder::Decoded> VideoDecoder::next() {
  Decoded decoded{.frame = av::make_frame()};
  AVFrame& frame = *decoded.frame;
  while (!ended_) {
    const int result = avcodec_receive_frame(codec_.get(), &frame);
    if (result == AVERROR(EAGAIN)) {
      ended_ = !feed();
      continue;
    }
    if (result == AVERROR_EOF) ended_ = true;
    if (result < 0) {
      if (!ended_) count_failure();
      continue;
    }
    failures_ = 0;
    const bool broken = frame.reordered_opaque < 0;
    const int64_t packet = broken ? -1 - frame.reordered_opaque : frame.reordered_opaque;
    const bool known = packet >= 0 && packet < static_cast<int64_t>(plan_.index_of_packet.size());
    const auto place = [&] { return known ? plan_.index_of_packet[static_cast<size_t>(packet)] : position_; };
    if (frame.flags & AV_FRAME_FLAG_DISCARD || place() < 0) continue;
    if (delivered_ == 0 && position_ == 0) drop_lead_in(plan_, packet);
    // Two frames of one packet, or an order that the time stamps deny: from here on frames count as they come.
    if (timed_ && place() < position_) timed_ = false;
    decoded.index = timed_ ? place() : position_;
    position_ = decoded.index + 1;
    decoded.seconds = seconds_of(frame, decoded.index);
    if (broken || is_damaged(frame)) continue;
    ++delivered_;
    return decoded;
  }
  return std::nullopt;
}

double VideoDecoder::seconds_of(const AVFrame& frame, int64_t index) {
  const double step = 1 / (fps_ > 0 ? fps_ : kUsualFps);
  const int64_t ticks = frame.best_effort_timestamp;
  if (first_ticks_ == AV_NOPTS_VALUE && ticks != AV_NOPTS_VALUE) {
    first_ticks_ = timed_ && !plan_.ticks.empty() ? plan_.ticks.front() : ticks;
    if (!timed_) shift_ = static_cast<double>(index) * step;
  }
  double seconds = seconds_ + (index > 0 ? step : 0);
  if (ticks != AV_NOPTS_VALUE)
    seconds = shift_ + static_cast<double>(ticks - first_ticks_) * av_q2d(demuxer_.stream().time_base);
  if (index > 0 && seconds < seconds_) {  // files glued together begin again
    shift_ += seconds_ + step - seconds;
    seconds = seconds_ + step;
  }
  seconds_ = std::max(0.0, seconds);
  return seconds_;
}

int64_t VideoDecoder::lost() const {
  const int64_t so_far = position_ - delivered_;
  return ended_ ? std::max(so_far, plan_.frames - delivered_) + plan_.absent : so_far;
}

}  // namespace fsfm
