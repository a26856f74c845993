#include "media/video_plan.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr size_t kMostPackets = 20'000'000;  // a week at 30 frames a second; bounds the memory of the plan

struct Stamp {
  int64_t pts = AV_NOPTS_VALUE;
  bool shown = true;
};

// H.264 of camcorders (AVCHD) codes the two fields of a frame apart, and a transport stream then has a packet for each.
class FieldPairs {
 public:
  explicit FieldPairs(const AVStream& stream) {
    if (stream.codecpar->codec_id != AV_CODEC_ID_H264) return;
    context_.reset(avcodec_alloc_context3(nullptr));
    if (!context_ || avcodec_parameters_to_context(context_.get(), stream.codecpar) < 0) return;
    context_->log_level_offset = 100;
    parser_ = av_parser_init(AV_CODEC_ID_H264);
    if (parser_) parser_->flags |= PARSER_FLAG_COMPLETE_FRAMES;
  }
  ~FieldPairs() { av_parser_close(parser_); }
  FieldPairs(const FieldPairs&) = delete;
  FieldPairs& operator=(const FieldPairs&) = delete;

  // Does the packet complete the frame that the one before began?
  bool completes(const AVPacket& packet) {
    if (!parser_) return false;
    uint8_t* out = nullptr;
    int size = 0;
    av_parser_parse2(parser_, context_.get(), &out, &size, packet.data, packet.size, packet.pts, packet.dts,
                     packet.pos);
    const auto structure = parser_->picture_structure;
    const bool is_field = structure == AV_PICTURE_STRUCTURE_TOP_FIELD || structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
    const bool second = is_field && open_field_ != AV_PICTURE_STRUCTURE_UNKNOWN && structure != open_field_;
    open_field_ = is_field && !second ? structure : AV_PICTURE_STRUCTURE_UNKNOWN;
    return second;
  }

 private:
  av::Codec context_;
  AVCodecParserContext* parser_ = nullptr;
  AVPictureStructure open_field_ = AV_PICTURE_STRUCTURE_UNKNOWN;
};

// VP8 stores pictures that are only referred to in packets of their own (bit 4 of the first byte: shown).
bool is_reference_only(const AVStream& stream, const AVPacket& packet) {
  return stream.codecpar->codec_id == AV_CODEC_ID_VP8 && (packet.data[0] >> 4 & 1) == 0;
}

// Frames that the container lists and a file cut short does not hold.
int64_t absent_frames(const VideoDemuxer& demuxer, int64_t packets) {
  const AVStream& stream = demuxer.stream();
  if (demuxer.is("avi")) {  // its count includes frames that the camera has dropped: those are not missing
    const std::string length = demuxer.source().text_at(4, 4);
    uint64_t claimed = 8;
    for (size_t i = 0; i < length.size(); ++i) claimed += uint64_t{static_cast<uint8_t>(length[i])} << (8 * i);
    return claimed > demuxer.source().size() ? std::clamp<int64_t>(stream.nb_frames - packets, 0, INT32_MAX) : 0;
  }
  if (!demuxer.is("mov")) return 0;
  int64_t absent = -packets;
  for (int i = 0, n = avformat_index_get_entries_count(&stream); i < n; ++i) {
    const AVIndexEntry* entry = avformat_index_get_entry(&demuxer.stream(), i);
    absent += entry && entry->size > 0;
  }
  return std::max<int64_t>(0, absent);
}

}  // namespace

FramePlan plan_frames(VideoDemuxer& demuxer) {
  const AVStream& stream = demuxer.stream();
  FieldPairs fields(stream);
  const av::Packet packet = av::make_packet();
  std::vector<Stamp> stamps;
  FramePlan plan;
  bool in_order = true, has_times = true, reordered = false, has_key = false;
  int64_t last_dts = INT64_MIN, last_pts = INT64_MIN;
  while (demuxer.read(*packet)) {
    if (stamps.size() >= kMostPackets)
      throw Error(ErrorCode::too_large, demuxer.name() + " has more than 20,000,000 frames",
                  "cut it into parts: ffmpeg -ss FROM -t SECONDS -i FILE -c copy out.mp4");
    // In fragments an edit list only moves the time stamps: what it cuts off the start has negative ones.
    const bool hidden = (packet->flags & AV_PKT_FLAG_DISCARD) != 0 ||
                        (demuxer.is("mov") && packet->pts != AV_NOPTS_VALUE && packet->pts < 0) ||
                        is_reference_only(stream, *packet);
    if (!has_key && (packet->flags & AV_PKT_FLAG_KEY)) {
      plan.first_key = static_cast<int64_t>(stamps.size());
      has_key = true;
    }
    const bool shown = !fields.completes(*packet) && !hidden;
    stamps.push_back({packet->pts, shown});
    if (packet->dts != AV_NOPTS_VALUE) {
      in_order &= packet->dts >= last_dts;
      last_dts = packet->dts;
    }
    if (!shown) continue;
    has_times &= packet->pts != AV_NOPTS_VALUE;
    reordered |= packet->pts < last_pts;
    last_pts = packet->pts;
  }
  plan.absent = absent_frames(demuxer, static_cast<int64_t>(stamps.size()));
  const auto shown = [&](int64_t from) {
    return std::count_if(stamps.begin() + from, stamps.end(), [](const Stamp& s) { return s.shown; });
  };
  // Streams that reorder their frames, in a file whose time stamps do not, carry decoding times only, whatever the file
  // calls them; times that go backwards come from files glued together.
  plan.timed = has_times && in_order && (reordered || stream.codecpar->video_delay == 0);
  plan.index_of_packet.assign(stamps.size(), -1);
  if (!plan.timed) {
    for (size_t i = 0; i < stamps.size(); ++i) plan.index_of_packet[i] = stamps[i].shown ? 0 : -1;
    plan.frames = shown(plan.first_key);
    return plan;
  }
  std::vector<int64_t> order;
  for (size_t i = 0; i < stamps.size(); ++i)
    if (stamps[i].shown) order.push_back(static_cast<int64_t>(i));
  const auto pts = [&](int64_t i) { return stamps[static_cast<size_t>(i)].pts; };
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return pts(a) < pts(b); });
  for (size_t rank = 0; rank < order.size(); ++rank) {
    plan.index_of_packet[static_cast<size_t>(order[rank])] = static_cast<int64_t>(rank);
    plan.ticks.push_back(pts(order[rank]));
  }
  plan.frames = static_cast<int64_t>(order.size());
  return plan;
}

void drop_lead_in(FramePlan& plan, int64_t packet) {
  if (!plan.timed) return;  // never counted
  const auto rank = [&](int64_t i) {
    return i >= 0 && i < static_cast<int64_t>(plan.index_of_packet.size())
               ? std::max<int64_t>(0, plan.index_of_packet[static_cast<size_t>(i)])
               : 0;
  };
  const int64_t lead = std::min(rank(packet), rank(plan.first_key));
  if (lead == 0) return;
  for (int64_t& index : plan.index_of_packet) index = std::max<int64_t>(-1, index - lead);
  plan.ticks.erase(plan.ticks.begin(), plan.ticks.begin() + lead);
  plan.frames -= lead;
}

}  // namespace fsfm
