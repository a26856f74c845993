// WebP through libwebp.
#include <webp/decode.h>
#include <webp/demux.h>
#include <webp/encode.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "media/codec_formats.h"

namespace fsfm::codec_detail {
namespace {

uint32_t little32(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
}

int webp_orientation(const Source& source) {
  for (size_t at = 12; at + 8 <= source.size();) {
    const uint8_t* chunk = source.data() + at;
    const size_t size = little32(chunk + 4);
    if (size > source.size() - at - 8) break;
    if (std::memcmp(chunk, "EXIF", 4) == 0) {
      Bytes exif = source.bytes.subspan(at + 8, size);
      if (size > 6 && std::memcmp(exif.data(), "Exif\0\0", 6) == 0) exif = exif.subspan(6);
      return exif_orientation(exif);
    }
    at += 8 + size + size % 2;
  }
  return 1;
}

struct Chunk {
  WebPChunkIterator at{};
  ~Chunk() { WebPDemuxReleaseChunkIterator(&at); }
};

struct Frame {
  WebPIterator at{};
  ~Frame() { WebPDemuxReleaseIterator(&at); }
};

}  // namespace

// The demuxer finds the (first) frame also in a file that is cut off behind it.
Image decode_webp(const Source& source) {
  const WebPData data{source.data(), source.size()};
  WebPDemuxState state;
  const std::unique_ptr<WebPDemuxer, void (*)(WebPDemuxer*)> demuxer(WebPDemuxPartial(&data, &state), WebPDemuxDelete);
  if (!demuxer && state == WEBP_DEMUX_PARSING_HEADER) source.truncated();
  if (!demuxer) source.damaged("no valid WebP header");
  const int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH),
                height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  source.check_size(width, height);
  Frame frame;
  if (!WebPDemuxGetFrame(demuxer.get(), 1, &frame.at) || !frame.at.complete) source.truncated();
  if (WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) source.say(kAnimated);
  Chunk profile;
  if (WebPDemuxGetChunk(demuxer.get(), "ICCP", 1, &profile.at))
    source.has_profile(profile.at.chunk.bytes, profile.at.chunk.size);
  const auto [bytes, size] = frame.at.fragment;
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(bytes, size, &features) != VP8_STATUS_OK) source.damaged("no valid WebP header");
  if (features.width != frame.at.width || features.height != frame.at.height || frame.at.x_offset < 0 ||
      frame.at.y_offset < 0 || int64_t{frame.at.x_offset} + features.width > width ||
      int64_t{frame.at.y_offset} + features.height > height)
    source.damaged("its frame is not of the size that its header tells");
  const int stride = features.width * (features.has_alpha ? 4 : 3);
  std::vector<uint8_t> pixels(static_cast<size_t>(stride) * static_cast<size_t>(features.height));
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(bytes, size, pixels.data(), pixels.size(), stride)) source.damaged("the WebP data cannot be decoded");
  Image image;
  if (features.has_alpha) {
    image = flatten(pixels, features.width, features.height);
  } else {
    image.width = features.width;
    image.height = features.height;
    image.rgb = std::move(pixels);
  }
  image = on_canvas(std::move(image), frame.at.x_offset, frame.at.y_offset, static_cast<int>(width),
                    static_cast<int>(height));
  return apply_orientation(std::move(image), webp_orientation(source));
}

std::vector<std::byte> encode_webp(const Image& image, int quality) {
  uint8_t* bytes = nullptr;
  const size_t size = image.empty() ? 0
                                    : WebPEncodeRGB(image.rgb.data(), image.width, image.height, image.width * 3,
                                                    static_cast<float>(std::clamp(quality, 0, 100)), &bytes);
  const std::unique_ptr<uint8_t, void (*)(void*)> owner(bytes, WebPFree);
  if (size == 0)
    throw Error("cannot write " + std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels as WebP",
                "a side must be 1 to 16383 pixels");
  const auto* begin = reinterpret_cast<const std::byte*>(bytes);
  return {begin, begin + size};
}

}  // namespace fsfm::codec_detail
