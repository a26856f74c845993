#include "media/video_open.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <tuple>

#include "base/content_kind.h"
#include "base/error.h"

namespace fsfm {
namespace {

constexpr int kBufferBytes = 64 * 1024;
constexpr int kMostStreams = 100;
constexpr int kMostErrorsInARow = 100;  // of the demuxer; then the rest of the file is given up

// Containers and raw streams only: nothing that names other files (playlists, concat, image sequences).
constexpr const char* kFormats =
    "mov,avi,matroska,webm,mpeg,mpegts,mpegvideo,flv,asf,ogg,m4v,h264,hevc,ivf,obu,av1,vc1,dv,mxf,wtv,nut,yuv4mpegpipe";

bool is_picture_track(const AVStream& stream) {  // a cover, or thumbnails
  return stream.disposition &
         (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS | AV_DISPOSITION_STILL_IMAGE);
}

int64_t area(const AVStream& stream) { return static_cast<int64_t>(stream.codecpar->width) * stream.codecpar->height; }

std::string describe(const AVStream& stream) {
  return "stream " + std::to_string(stream.index) + " (" + avcodec_get_name(stream.codecpar->codec_id) + ", " +
         std::to_string(stream.codecpar->width) + "x" + std::to_string(stream.codecpar->height) + ")";
}

// Dolby Vision's profile 5 has colours of its own (IPT) and no tags that say so: taken for YCbCr it is green and
// purple.
bool has_dolby_colours_only(const AVStream& stream) {
  size_t size = 0;
  const uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DOVI_CONF, &size);
  constexpr size_t kProfile = 2;  // AVDOVIDecoderConfigurationRecord: major, minor, profile
  return data && size > kProfile && data[kProfile] == 5;
}

// Options that every decoder is opened with while libavformat looks at the streams.
class ProbeOptions {
 public:
  explicit ProbeOptions(size_t streams) : options_(std::max<size_t>(1, streams), nullptr) {
    for (auto& option : options_) av_dict_set_int(&option, "max_pixels", kMostVideoPixels, 0);
  }
  ~ProbeOptions() {
    for (auto& option : options_) av_dict_free(&option);
  }
  ProbeOptions(const ProbeOptions&) = delete;
  ProbeOptions& operator=(const ProbeOptions&) = delete;
  AVDictionary** data() { return options_.data(); }

 private:
  std::vector<AVDictionary*> options_;
};

}  // namespace

int VideoDemuxer::read_bytes(void* self, uint8_t* into, int size) {
  auto& demuxer = *static_cast<VideoDemuxer*>(self);
  if (demuxer.stop_.stop_requested()) return AVERROR_EXIT;
  const int64_t got = demuxer.source_.read_at(
      demuxer.position_, {reinterpret_cast<std::byte*>(into), static_cast<size_t>(std::max(0, size))});
  if (got > 0) demuxer.position_ += static_cast<uint64_t>(got);
  return got == 0 ? AVERROR_EOF : static_cast<int>(got);  // a negative errno is what AVERROR() makes of it
}

int64_t VideoDemuxer::seek(void* self, int64_t offset, int whence) {
  auto& demuxer = *static_cast<VideoDemuxer*>(self);
  const auto size = static_cast<int64_t>(demuxer.source_.size());
  whence &= ~AVSEEK_FORCE;
  if (whence == AVSEEK_SIZE) return size;
  if (whence == SEEK_CUR) offset += static_cast<int64_t>(demuxer.position_);
  if (whence == SEEK_END) offset += size;
  if (offset < 0 || (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)) return AVERROR(EINVAL);
  demuxer.position_ = static_cast<uint64_t>(offset);
  return offset;
}

VideoDemuxer::VideoDemuxer(const VideoSource& source, std::stop_token stop) : source_(source), stop_(std::move(stop)) {
  try {
    open();
    choose_stream();
  } catch (...) {
    close();
    throw;
  }
}

VideoDemuxer::~VideoDemuxer() { close(); }

void VideoDemuxer::close() {
  avformat_close_input(&format_);
  if (!io_) return;
  av_freep(&io_->buffer);
  avio_context_free(&io_);
}

void VideoDemuxer::open() {
  auto* buffer = static_cast<uint8_t*>(av_malloc(kBufferBytes));
  if (!buffer) throw std::bad_alloc();
  io_ = avio_alloc_context(buffer, kBufferBytes, 0, this, read_bytes, nullptr, seek);
  if (!io_) av_free(buffer);
  format_ = avformat_alloc_context();
  if (!io_ || !format_) throw std::bad_alloc();
  format_->pb = io_;
  format_->flags |= AVFMT_FLAG_CUSTOM_IO;
  format_->max_streams = kMostStreams;
  // It is given bytes and no name, so a name cannot be taken for an address or a pattern; and whatever the bytes refer
  // to (another file, a host, a key) is not opened.
  format_->io_open = [](AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) { return AVERROR(EACCES); };
  format_->interrupt_callback = {[](void* self) {
                                   const auto& stop = static_cast<VideoDemuxer*>(self)->stop_;
                                   return static_cast<int>(stop.stop_requested());
                                 },
                                 this};
  AVDictionary* options = nullptr;
  av_dict_set(&options, "format_whitelist", kFormats, 0);
  av_dict_set(&options, "protocol_whitelist", "none", 0);
  av_dict_set(&options, "enable_drefs", "0", 0);
  av_dict_set(&options, "use_absolute_path", "0", 0);
  const int opened = avformat_open_input(&format_, "", nullptr, &options);
  av_dict_free(&options);
  if (opened < 0) refuse();
  ProbeOptions probing(format_->nb_streams);
  // Its failure is no verdict: what could be learned of the streams is there, and the decoder tells the rest.
  avformat_find_stream_info(format_, probing.data());
}

void VideoDemuxer::refuse() const {
  if (is_unfinished_mp4(source_))
    throw Error(ErrorCode::damaged,
                source_.name() + " has no index (no moov box): its recording was not finished, or it is truncated",
                "copy or download it again, or recover it with the camera's own program");
  const std::string head = source_.text_at(0, kContentBytes);
  if (head.starts_with("#EXTM3U") || head.starts_with("ffconcat"))
    throw Error(ErrorCode::unsupported, source_.name() + " is a playlist, which names videos instead of holding one",
                "name the video itself");
  const ContentKind kind = content_kind(std::as_bytes(std::span(head)));
  if (kind != ContentKind::unknown && kind != ContentKind::video) {
    const std::string way_out = content_way_out(kind);
    throw Error(ErrorCode::unsupported, source_.name() + " is no video but " + content_name(kind),
                way_out.empty() ? "leave it out" : way_out);
  }
  throw Error(ErrorCode::unsupported, source_.name() + " is not a video fsfm can read, or it is truncated",
              "copy or download the file again, or convert it: ffmpeg -i FILE out.mp4");
}

void VideoDemuxer::choose_stream() {
  std::vector<AVStream*> films;
  bool has_sound = false, has_cover = false;
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    AVStream* stream = format_->streams[i];
    stream->discard = AVDISCARD_ALL;
    const AVMediaType type = stream->codecpar->codec_type;
    has_sound |= type == AVMEDIA_TYPE_AUDIO;
    if (type != AVMEDIA_TYPE_VIDEO) continue;
    if (is_picture_track(*stream))
      has_cover = true;
    else
      films.push_back(stream);
  }
  if (films.empty())
    throw Error(ErrorCode::unsupported,
                source_.name() + " has no video: " +
                    (has_sound && has_cover ? "only sound and a cover picture"
                     : has_sound            ? "only sound"
                     : has_cover            ? "only a cover picture"
                                            : "no stream of it is one"),
                "name a file with moving pictures");
  // What can be decoded; more than one frame; what the file calls its default; the largest; the one with most frames.
  const auto rank = [](const AVStream* s) {
    return std::tuple(avcodec_find_decoder(s->codecpar->codec_id) != nullptr, s->nb_frames != 1,
                      (s->disposition & AV_DISPOSITION_DEFAULT) != 0, area(*s), s->nb_frames);
  };
  const AVStream* film =
      *std::max_element(films.begin(), films.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  stream_ = film->index;
  stream().discard = AVDISCARD_DEFAULT;
  if (films.size() > 1) {
    std::string others;
    for (const AVStream* stream : films)
      if (stream != film) others += (others.empty() ? "" : ", ") + describe(*stream);
    notes_.push_back("it holds " + std::to_string(films.size()) + " videos: " + describe(*film) +
                     " is used; left aside: " + others);
  }
  codec_ = avcodec_find_decoder(film->codecpar->codec_id);
  if (!codec_)
    throw Error(ErrorCode::unsupported,
                source_.name() + " is of the codec " + avcodec_get_name(film->codecpar->codec_id) +
                    ", which this build cannot decode",
                "convert it: ffmpeg -i FILE out.mp4");
  if (has_dolby_colours_only(*film))
    throw Error(ErrorCode::unsupported,
                source_.name() + " is of Dolby Vision's profile 5, whose colours only a Dolby decoder understands",
                "export it from the camera as HLG, HDR10 or SDR");
  if (area(*film) > kMostVideoPixels)
    throw Error(ErrorCode::too_large,
                source_.name() + " has frames of " + std::to_string(film->codecpar->width) + "x" +
                    std::to_string(film->codecpar->height) + " pixels",
                "the limit is 100,000,000 pixels");
}

bool VideoDemuxer::is(const char* demuxer) const {
  const std::string names = std::string(",") + format_->iformat->name + ",";
  return names.find(std::string(",") + demuxer + ",") != std::string::npos;
}

bool VideoDemuxer::read(AVPacket& packet) {
  for (int errors = 0; errors < kMostErrorsInARow;) {
    if (stop_.stop_requested()) return false;
    av_packet_unref(&packet);
    const int result = av_read_frame(format_, &packet);
    if (result == AVERROR_EOF || result == AVERROR_EXIT || result == AVERROR(EIO)) return false;
    if (result < 0) {
      ++errors;
      continue;
    }
    // An empty packet (a frame dropped by the camera) would tell the decoder that the film is over.
    if (packet.stream_index == stream_ && packet.size > 0) return true;
  }
  return false;
}

}  // namespace fsfm
