#include "media/video_color.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <new>
#include <string_view>

#include "base/error.h"
#include "media/video_light.h"
#include "media/video_open.h"

namespace fsfm {
namespace {

constexpr double kNearlySquare = 0.01;  // pixels off by less stay as they are: resampling costs traces of forgery
constexpr double kWidestPixel = 8;      // a shape beyond is no shape but a broken header
// As `ffmpeg` converts without being asked for more, so that ordinary frames are those which others extract with it.
constexpr int kPlain = SWS_BICUBIC;
constexpr int kExact = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;

const AVPixFmtDescriptor* descriptor(const AVFrame& frame) {
  return av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
}

bool has_alpha(const AVFrame& frame) {  // a palette's alpha is mostly a byte that nobody set
  const AVPixFmtDescriptor* format = descriptor(frame);
  return format && format->flags & AV_PIX_FMT_FLAG_ALPHA && !(format->flags & AV_PIX_FMT_FLAG_PAL);
}

bool is_yuv(const AVFrame& frame) {
  const AVPixFmtDescriptor* format = descriptor(frame);
  return format && !(format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) && format->nb_components >= 3;
}

// A stream that names no matrix is taken for BT.601, whatever its size. Players guess BT.709 for large ones; but
// ffmpeg, OpenCV and hence the frames of every published face dataset are BT.601 then, and detectors have learned from
// those.
int matrix_of(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
      return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
      return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return SWS_CS_BT2020;
    case AVCOL_SPC_UNSPECIFIED:
      return frame.color_trc == AVCOL_TRC_ARIB_STD_B67 || frame.color_trc == AVCOL_TRC_SMPTE2084 ||
                     frame.color_primaries == AVCOL_PRI_BT2020
                 ? SWS_CS_BT2020
                 : SWS_CS_ITU601;
    default:
      return SWS_CS_ITU601;
  }
}

bool is_known_matrix(const AVFrame& frame) {
  switch (frame.colorspace) {
    case AVCOL_SPC_YCGCO:
    case AVCOL_SPC_SMPTE2085:
    case AVCOL_SPC_CHROMA_DERIVED_NCL:
    case AVCOL_SPC_CHROMA_DERIVED_CL:
    case AVCOL_SPC_ICTCP:
      return false;
    default:
      return true;
  }
}

// The frame's tag goes before its format: a decoder keeps the format ("yuvj": full) when the range alone changes.
bool is_full_range(const AVFrame& frame, const AVPixFmtDescriptor& format) {
  if (frame.color_range != AVCOL_RANGE_UNSPECIFIED) return frame.color_range == AVCOL_RANGE_JPEG;
  const bool is_grey = format.nb_components <= 2;
  return is_grey || std::string_view(format.name).starts_with("yuvj");
}

// The converter takes the range from such a name, whatever it is told.
AVPixelFormat without_range(int format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    default:
      return static_cast<AVPixelFormat>(format);
  }
}

void prepare_frame(av::Frame& frame, int width, int height, AVPixelFormat format) {
  if (frame && frame->width == width && frame->height == height && frame->format == format) return;
  frame = av::make_frame();
  frame->width = width;
  frame->height = height;
  frame->format = format;
  // FFmpeg's own padding: its converters write whole vectors, beyond the end of a row.
  if (av_frame_get_buffer(frame.get(), 0) < 0) throw std::bad_alloc();
}

// Over white, as pictures are. A frame that would vanish altogether has an alpha channel that nobody filled.
void lay_over_white(const AVFrame& rgba, AVFrame& rgb) {
  const auto row = [&](int y) { return rgba.data[0] + static_cast<ptrdiff_t>(y) * rgba.linesize[0]; };
  bool visible = false;
  for (int y = 0; y < rgba.height && !visible; ++y)
    for (int x = 0; x < rgba.width && !visible; ++x) visible = row(y)[4 * x + 3] != 0;
  for (int y = 0; y < rgba.height; ++y) {
    const uint8_t* in = row(y);
    uint8_t* out = rgb.data[0] + static_cast<ptrdiff_t>(y) * rgb.linesize[0];
    for (int x = 0; x < rgba.width; ++x, in += 4, out += 3) {
      const int alpha = visible ? in[3] : 255;
      for (int k = 0; k < 3; ++k) out[k] = static_cast<uint8_t>((in[k] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
  }
}

Image turn_frame(const AVFrame& rgb, const Orientation& turn) {
  Image image(turn.swaps() ? rgb.height : rgb.width, turn.swaps() ? rgb.width : rgb.height);
  const ptrdiff_t stride = rgb.linesize[0];
  // The inverse of a turn is its transpose: x = a x' + b y', y = c x' + d y', counted from the far end where negative.
  const ptrdiff_t dx = turn.a * 3 + turn.c * stride, dy = turn.b * 3 + turn.d * stride;
  const uint8_t* from = rgb.data[0] + (turn.a + turn.b < 0 ? (rgb.width - 1) * 3 : 0) +
                        (turn.c + turn.d < 0 ? (rgb.height - 1) * stride : 0);
  for (int y = 0; y < image.height; ++y, from += dy) {
    uint8_t* out = image.row(y);
    if (dx == 3) {
      std::copy_n(from, static_cast<size_t>(image.width) * 3, out);
      continue;
    }
    const uint8_t* in = from;
    for (int x = 0; x < image.width; ++x, in += dx, out += 3) std::copy_n(in, 3, out);
  }
  return image;
}

}  // namespace

Orientation orientation_of(const std::array<int32_t, 9>& m) {
  const double a = m[0], b = m[1], c = m[3], d = m[4];
  const auto sign = [](double value) { return value < 0 ? -1 : 1; };
  const auto small = [](double value, double beside) { return std::abs(value) <= 0.1 * std::abs(beside); };
  if (a != 0 && d != 0 && small(b, a) && small(c, d)) return {sign(a), 0, 0, sign(d)};
  if (b != 0 && c != 0 && small(a, b) && small(d, c)) return {0, sign(b), sign(c), 0};
  return {};
}

FrameConverter::Size FrameConverter::shown_size(const AVFrame& frame, AVRational pixel_shape, const Orientation& turn) {
  double shape = pixel_shape.num > 0 && pixel_shape.den > 0 ? av_q2d(pixel_shape) : 1;
  if (std::abs(shape - 1) < kNearlySquare || shape > kWidestPixel || shape < 1 / kWidestPixel) shape = 1;
  const int width = std::max(1, static_cast<int>(std::lround(frame.width * shape)));
  return turn.swaps() ? Size{frame.height, width} : Size{width, frame.height};
}

std::string FrameConverter::problem(const AVFrame& frame, AVRational pixel_shape) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const Size size = shown_size(frame, pixel_shape, {});
  if (size.width < 1 || size.height < 1 || static_cast<int64_t>(size.width) * size.height > kMostVideoPixels)
    return "frames of " + std::to_string(size.width) + "x" + std::to_string(size.height) + " pixels";
  if (!descriptor(frame) || !sws_isSupportedInput(format))
    return std::string("frames in the pixel format ") + (descriptor(frame) ? descriptor(frame)->name : "unknown");
  if (is_yuv(frame) && !is_known_matrix(frame))
    return std::string("frames in the colour space ") + av_color_space_name(frame.colorspace);
  return "";
}

const AVFrame& FrameConverter::scale(const AVFrame& frame, int width, AVPixelFormat format) {
  const AVPixFmtDescriptor* source = descriptor(frame);
  const bool full = is_full_range(frame, *source);
  const AVPixelFormat from = without_range(frame.format);
  const Setting setting{frame.width, frame.height, from, matrix_of(frame), full, width, format};
  if (!scaler_ || !(setting == setting_)) {
    scaler_.reset(sws_alloc_context());
    if (!scaler_) throw std::bad_alloc();
    const bool plain = width == frame.width && format != AV_PIX_FMT_RGB48;
    const auto set = [&](const char* name, int value) { av_opt_set_int(scaler_.get(), name, value, 0); };
    set("srcw", frame.width), set("srch", frame.height), set("src_format", from);
    set("dstw", width), set("dsth", frame.height), set("dst_format", format);
    set("sws_flags", plain ? kPlain : kExact);
    set("src_range", full);
    if (from == AV_PIX_FMT_YUV420P) set("src_v_chr_pos", 128);  // MPEG-2's, as `ffmpeg` has it
    const int* matrix = sws_getCoefficients(setting.matrix);
    constexpr int kOne = 1 << 16;
    if (sws_init_context(scaler_.get(), nullptr, nullptr) < 0) {
      scaler_.reset();
      throw Error("frames of " + std::to_string(frame.width) + "x" + std::to_string(frame.height) + " in " +
                  source->name + " cannot be converted");
    }
    sws_setColorspaceDetails(scaler_.get(), matrix, full, matrix, 1, 0, kOne, kOne);
    setting_ = setting;
  }
  prepare_frame(scaled_, width, frame.height, format);
  if (sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, scaled_->data, scaled_->linesize) !=
      frame.height)
    throw Error("a frame cannot be converted");
  return *scaled_;
}

Image FrameConverter::convert(const AVFrame& frame, AVRational pixel_shape, const Orientation& turn) {
  if (const std::string why = problem(frame, pixel_shape); !why.empty()) throw Error(why + " cannot be shown");
  const int width = shown_size(frame, pixel_shape, {}).width;
  if (!needs_tone_mapping(frame) && !has_alpha(frame)) return turn_frame(scale(frame, width, AV_PIX_FMT_RGB24), turn);
  prepare_frame(narrowed_, width, frame.height, AV_PIX_FMT_RGB24);
  if (needs_tone_mapping(frame))
    tone_map(frame, scale(frame, width, AV_PIX_FMT_RGB48), *narrowed_);
  else
    lay_over_white(scale(frame, width, AV_PIX_FMT_RGBA), *narrowed_);
  return turn_frame(*narrowed_, turn);
}

}  // namespace fsfm
