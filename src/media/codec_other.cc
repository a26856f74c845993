// WebP and TIFF through their libraries; BMP and PNM here.
#include <tiffio.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "media/codec_formats.h"

namespace fsfm::codec_detail {
namespace {

uint16_t little16(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }
uint32_t little32(const uint8_t* p) { return little16(p) | static_cast<uint32_t>(little16(p + 2)) << 16; }

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

// What libtiff's callbacks share: the bytes, a position, and the first error it reported.
struct TiffInput {
  const Source& source;
  uint64_t position = 0;
  char message[160] = "";
};

tmsize_t tiff_read(thandle_t handle, void* out, tmsize_t size) {
  auto* input = static_cast<TiffInput*>(handle);
  const uint64_t left = input->source.size() - std::min<uint64_t>(input->position, input->source.size());
  const auto count = static_cast<size_t>(std::min<uint64_t>(left, static_cast<uint64_t>(std::max<tmsize_t>(size, 0))));
  if (count > 0) std::memcpy(out, input->source.data() + input->position, count);
  input->position += count;
  return static_cast<tmsize_t>(count);
}

toff_t tiff_seek(thandle_t handle, toff_t offset, int whence) {
  auto* input = static_cast<TiffInput*>(handle);
  input->position = offset + (whence == SEEK_CUR ? input->position : whence == SEEK_END ? input->source.size() : 0);
  return input->position;
}

int tiff_error(TIFF*, void* data, const char*, const char* format, va_list arguments) {
  auto* input = static_cast<TiffInput*>(data);
  if (input->message[0] == 0) std::vsnprintf(input->message, sizeof input->message, format, arguments);
  return 1;
}

int tiff_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

}  // namespace

Image decode_webp(const Source& source) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(source.data(), source.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) source.truncated();
  if (status != VP8_STATUS_OK) source.damaged("no valid WebP header");
  if (features.has_animation) source.unsupported("an animated WebP");
  source.check_size(features.width, features.height);
  const auto stride = features.width * (features.has_alpha ? 4 : 3);
  std::vector<uint8_t> pixels(static_cast<size_t>(stride) * features.height);
  const auto decode = features.has_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (!decode(source.data(), source.size(), pixels.data(), pixels.size(), stride)) {
    if (source.size() < static_cast<uint64_t>(little32(source.data() + 4)) + 8) source.truncated();
    source.damaged("the WebP data cannot be decoded");
  }
  Image image;
  if (features.has_alpha) {
    image = flatten(pixels, features.width, features.height);
  } else {
    image.width = features.width;
    image.height = features.height;
    image.rgb = std::move(pixels);
  }
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

Image decode_tiff(const Source& source) {
  TiffInput input{source};
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), tiff_error, &input);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), tiff_warning, nullptr);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), source.limits.max_bytes);
  const auto size = [](thandle_t handle) -> toff_t { return static_cast<TiffInput*>(handle)->source.size(); };
  const auto no_write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return -1; };
  const auto no_close = [](thandle_t) { return 0; };
  const auto no_map = [](thandle_t, void**, toff_t*) { return 0; };
  const auto no_unmap = [](thandle_t, void*, toff_t) {};
  const std::unique_ptr<TIFF, void (*)(TIFF*)> tiff(TIFFClientOpenExt("", "rm", &input, tiff_read, no_write, tiff_seek,
                                                                      no_close, size, no_map, no_unmap, options.get()),
                                                    TIFFClose);
  const auto fail = [&] { source.damaged(input.message[0] ? input.message : "the TIFF data cannot be decoded"); };
  if (!tiff) fail();
  uint32_t width = 0, height = 0;
  uint16_t orientation = ORIENTATION_TOPLEFT;
  if (!TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width) || !TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height))
    fail();
  source.check_size(width, height);
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  char reason[1024] = "";
  if (!TIFFRGBAImageOK(tiff.get(), reason))
    source.unsupported("a TIFF of an unusual kind (" + std::string(reason) + ")");
  // libtiff mirrors but does not turn: read the pixels as they are stored and orient them ourselves.
  std::vector<uint32_t> raster(static_cast<size_t>(width) * height);
  TIFFRGBAImage reader;
  if (!TIFFRGBAImageBegin(&reader, tiff.get(), 1, reason)) fail();
  reader.orientation = reader.req_orientation = ORIENTATION_TOPLEFT;
  const bool done = TIFFRGBAImageGet(&reader, raster.data(), width, height);
  TIFFRGBAImageEnd(&reader);
  if (!done) fail();
  Image image(static_cast<int>(width), static_cast<int>(height));
  for (size_t i = 0; i < raster.size(); ++i) {
    const uint32_t pixel = raster[i];  // premultiplied by its alpha
    const uint32_t white = 255 - TIFFGetA(pixel);
    image.rgb[i * 3] = static_cast<uint8_t>(std::min(255u, TIFFGetR(pixel) + white));
    image.rgb[i * 3 + 1] = static_cast<uint8_t>(std::min(255u, TIFFGetG(pixel) + white));
    image.rgb[i * 3 + 2] = static_cast<uint8_t>(std::min(255u, TIFFGetB(pixel) + white));
  }
  return apply_orientation(std::move(image), orientation);
}

// Uncompressed 1, 4, 8, 24 and 32 bits, either row order.
Image decode_bmp(const Source& source) {
  const uint8_t* data = source.data();
  if (source.size() < 54) source.truncated();
  const uint32_t pixels_at = little32(data + 10), header = little32(data + 14);
  if (header < 40) source.unsupported("a BMP of an ancient kind");
  const auto width = static_cast<int32_t>(little32(data + 18)),
             stored_height = static_cast<int32_t>(little32(data + 22));
  const int bits = little16(data + 28);
  const uint32_t compression = little32(data + 30);
  constexpr uint32_t kRaw = 0, kBitFields = 3;
  if (compression != kRaw && !(compression == kBitFields && bits == 32)) source.unsupported("a compressed BMP");
  if (bits != 1 && bits != 4 && bits != 8 && bits != 24 && bits != 32)
    source.unsupported("a BMP of " + std::to_string(bits) + " bits");
  const int64_t height = std::abs(static_cast<int64_t>(stored_height));
  source.check_size(width, height);
  const uint64_t stride = (static_cast<uint64_t>(width) * bits + 31) / 32 * 4;
  if (pixels_at > source.size() || stride * height > source.size() - pixels_at) source.truncated();
  const uint64_t palette_at = 14ull + header;
  uint64_t colors = 0;
  if (bits <= 8) {
    colors = little32(data + 46) == 0 ? 1u << bits : std::min(little32(data + 46), 1u << bits);
    if (palette_at + colors * 4 > source.size()) source.truncated();
  }
  Image image(width, static_cast<int>(height));
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* in = data + pixels_at + stride * static_cast<uint64_t>(stored_height > 0 ? image.height - 1 - y : y);
    uint8_t* out = image.row(y);
    for (int x = 0; x < width; ++x, out += 3) {
      const uint8_t* bgr = in + static_cast<size_t>(x) * (bits / 8);
      if (bits <= 8) {
        const int bit = x * bits;
        const unsigned index = (in[bit / 8] >> (8 - bits - bit % 8)) & ((1u << bits) - 1);
        if (index >= colors) source.damaged("a pixel outside the palette");
        bgr = data + palette_at + index * 4;
      }
      out[0] = bgr[2];
      out[1] = bgr[1];
      out[2] = bgr[0];
    }
  }
  return image;
}

// P2, P3 (decimal text), P5, P6 (binary, 8 or 16 bits); grey or RGB.
Image decode_pnm(const Source& source) {
  const uint8_t* data = source.data();
  size_t at = 2;
  const auto number = [&]() -> int64_t {
    while (at < source.size() && (std::isspace(data[at]) || data[at] == '#')) {
      if (data[at] == '#')
        while (at < source.size() && data[at] != '\n') ++at;
      else
        ++at;
    }
    if (at == source.size()) source.truncated();
    int64_t value = 0;
    if (!std::isdigit(data[at])) source.damaged("a number is missing");
    for (; at < source.size() && std::isdigit(data[at]); ++at)
      if ((value = value * 10 + (data[at] - '0')) > 1'000'000'000) source.damaged("a number is too large");
    return value;
  };
  const bool text = data[1] < '5', color = data[1] == '3' || data[1] == '6';
  const int64_t width = number(), height = number(), largest = number();
  source.check_size(width, height);
  if (largest < 1 || largest > 65535) source.damaged("its largest value is " + std::to_string(largest));
  ++at;  // the one white space before the samples
  const int64_t samples = width * height * (color ? 3 : 1), sample_bytes = largest > 255 ? 2 : 1;
  // Text needs at least a digit and a space for each sample: a cheap check before the pixels are allocated.
  const int64_t needed = text ? samples * 2 - 1 : samples * sample_bytes;
  if (at > source.size() || static_cast<uint64_t>(needed) > source.size() - at) source.truncated();
  Image image(static_cast<int>(width), static_cast<int>(height));
  for (int64_t i = 0; i < samples; ++i) {
    int64_t value;
    if (text) {
      value = number();
    } else {
      value = sample_bytes == 2 ? data[at] << 8 | data[at + 1] : data[at];
      at += static_cast<size_t>(sample_bytes);
    }
    const auto byte = static_cast<uint8_t>(std::min(value, largest) * 255 / largest);
    if (color) {
      image.rgb[i] = byte;
    } else {
      std::fill_n(image.rgb.begin() + i * 3, 3, byte);
    }
  }
  return image;
}

}  // namespace fsfm::codec_detail
