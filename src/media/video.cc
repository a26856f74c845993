#include "media/video.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "media/video_color.h"
#include "media/video_decode.h"
#include "media/video_fields.h"
#include "media/video_open.h"
#include "media/video_plan.h"

namespace fsfm {

struct VideoReader::Impl {
  VideoOptions options;
  VideoSource source;
  std::unique_ptr<VideoDemuxer> demuxer;
  FramePlan plan;
  std::optional<VideoDecoder> decoder;
  FrameConverter converter;
  std::vector<std::string> notes;
  std::optional<VideoDecoder::Decoded> ahead;  // decoded already, not looked at yet
  av::Frame before;                            // the frame before, of interlaced films
  int64_t position = 0, unshown = 0;
  FrameConverter::Size size{};

  template <class... From>
  Impl(VideoOptions settings, From&&... from) : options(std::move(settings)), source(std::forward<From>(from)...) {
    try {
      open();
    } catch (const Error&) {
      if (!stopped()) throw;  // what was cut off by the wish to stop says nothing of the file
    }
  }
  void open() {
    plan = [&] {
      VideoDemuxer packets(source, options.stop);
      return plan_frames(packets);
    }();
    demuxer = std::make_unique<VideoDemuxer>(source, options.stop);
    decoder.emplace(*demuxer, plan, options.threads);
    ahead = decoder->next();
    if (!ahead)
      throw Error(ErrorCode::damaged, source.name() + " has no frame that can be decoded",
                  "copy or download the file again, or convert it: ffmpeg -i FILE out.mp4");
    const AVFrame& first = *ahead->frame;
    if (const std::string why = FrameConverter::problem(first, pixel_shape(first)); !why.empty())
      throw Error(ErrorCode::unsupported, source.name() + " has " + why + ", which fsfm cannot show",
                  "convert it: ffmpeg -i FILE out.mp4");
    size = FrameConverter::shown_size(first, pixel_shape(first), turn(first));
    notes = demuxer->notes();
    if (plan.absent > 0)
      notes.push_back("it is cut short: " + std::to_string(plan.absent) +
                      " frames that its index lists are not in the file");
  }
  ~Impl() {
    const av::Quiet quiet;
    decoder.reset();
    demuxer.reset();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool stopped() const { return options.stop.stop_requested(); }
  AVRational pixel_shape(const AVFrame& frame) const {
    // The call only reads its frame, whatever its signature says.
    return av_guess_sample_aspect_ratio(&demuxer->format(), &demuxer->stream(), const_cast<AVFrame*>(&frame));
  }
  // The frame's own word goes before the container's.
  Orientation turn(const AVFrame& frame) const {
    const AVFrameSideData* own = av_frame_get_side_data(&frame, AV_FRAME_DATA_DISPLAYMATRIX);
    size_t bytes = own ? own->size : 0;
    const uint8_t* data =
        own ? own->data : av_stream_get_side_data(&demuxer->stream(), AV_PKT_DATA_DISPLAYMATRIX, &bytes);
    std::array<int32_t, 9> matrix{};
    if (data && bytes >= sizeof matrix) std::memcpy(matrix.data(), data, sizeof matrix);
    return orientation_of(matrix);
  }
  std::optional<VideoDecoder::Decoded> take() {
    if (ahead) return std::exchange(ahead, std::nullopt);
    return decoder ? decoder->next() : std::nullopt;
  }
  Image show(const AVFrame& frame) {
    const AVRational shape = pixel_shape(frame);
    if (!frame.interlaced_frame) return converter.convert(frame, shape, turn(frame));
    ahead = decoder->next();
    const av::Frame whole = deinterlace(before.get(), frame, ahead ? ahead->frame.get() : nullptr);
    return converter.convert(*whole, shape, turn(frame));
  }
};

VideoReader::VideoReader(const std::filesystem::path& path, VideoOptions options) {
  const av::Quiet quiet;
  impl_ = std::make_unique<Impl>(std::move(options), path);
}
VideoReader::VideoReader(std::span<const std::byte> file, const std::string& name, VideoOptions options) {
  const av::Quiet quiet;
  impl_ = std::make_unique<Impl>(std::move(options), file, name);
}
VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;

int64_t VideoReader::frame_count() const { return impl_->plan.frames; }
double VideoReader::fps() const { return impl_->decoder ? impl_->decoder->fps() : 0; }
int VideoReader::width() const { return impl_->size.width; }
int VideoReader::height() const { return impl_->size.height; }
int64_t VideoReader::skipped() const { return impl_->decoder ? impl_->decoder->lost() + impl_->unshown : 0; }
const std::vector<std::string>& VideoReader::notes() const { return impl_->notes; }

std::optional<VideoReader::Frame> VideoReader::next(const std::vector<int64_t>& wanted) {
  const av::Quiet quiet;
  auto target = std::lower_bound(wanted.begin(), wanted.end(), impl_->position);
  while (target != wanted.end()) {
    auto decoded = impl_->take();
    if (!decoded) break;
    impl_->position = decoded->index + 1;
    target = std::lower_bound(target, wanted.end(), decoded->index);  // past those that were lost
    const bool is_wanted = target != wanted.end() && *target == decoded->index;
    std::optional<Frame> frame;
    if (is_wanted) {
      ++target;
      try {
        frame = Frame{decoded->index, decoded->seconds, impl_->show(*decoded->frame)};
      } catch (const Error&) {
        ++impl_->unshown;
      }
    }
    impl_->before = decoded->frame->interlaced_frame ? std::move(decoded->frame) : nullptr;
    if (frame) return frame;
  }
  return std::nullopt;
}

std::vector<int64_t> linspace_frames(int64_t total, int n) {
  std::vector<int64_t> frames;
  if (total < 1 || n < 1) return frames;
  for (int i = 0; i < n; ++i) {
    const double step = n > 1 ? static_cast<double>(total - 1) / (n - 1) : 0.0;
    // The last value is exact in numpy, whatever the rounding of i * step.
    const int64_t index = i == n - 1 && n > 1 ? total - 1 : static_cast<int64_t>(i * step);
    if (frames.empty() || index > frames.back()) frames.push_back(index);
  }
  return frames;
}

std::vector<int64_t> every_kth_frame(int64_t total, int k) {
  if (k < 1) throw Error("cannot take every " + std::to_string(k) + "th frame", "use 1 or more");
  std::vector<int64_t> frames;
  for (int64_t i = 0; i < total; i += k) frames.push_back(i);
  return frames;
}

}  // namespace fsfm
