#include "support/pictures.h"

#include <gif_lib.h>
#include <libheif/heif.h>
#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

// jpeglib.h wants <cstdio> before it
// clang-format off
#include <jpeglib.h>
// clang-format on

#include "base/file.h"
#include "media/codec.h"
#include "media/codec_formats.h"

namespace fsfm::test {
namespace {

std::string big(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

std::string little(uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

}  // namespace

Bytes bytes_of(const std::string& text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Image gradient(int width, int height) {
  Image image(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      image.row(y)[x * 3] = static_cast<uint8_t>(x * 255 / width);
      image.row(y)[x * 3 + 1] = static_cast<uint8_t>(y * 255 / height);
      image.row(y)[x * 3 + 2] = static_cast<uint8_t>((x + y) * 255 / (width + height));
    }
  return image;
}

double mean_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.rgb.size() != b.rgb.size()) return 255;
  double sum = 0;
  for (size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(a.rgb[i] - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

Bytes jpeg_of(std::span<const uint8_t> samples, int width, int height, int channels,
              const std::function<void(jpeg_compress_struct&)>& setup) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = channels;
  info.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 95, TRUE);
  if (setup) setup(info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(samples.data() + static_cast<size_t>(info.next_scanline) * width * channels);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const auto* begin = reinterpret_cast<const std::byte*>(out);
  Bytes bytes(begin, begin + size);
  std::free(out);
  return bytes;
}

Bytes jpeg_of(const Image& image, const std::function<void(jpeg_compress_struct&)>& setup) {
  return jpeg_of(image.rgb, image.width, image.height, 3, setup);
}

size_t find_segment(const Bytes& jpeg, uint8_t marker, int nth) {
  for (size_t at = 2; at + 4 <= jpeg.size(); ++at)
    if (jpeg[at] == std::byte{0xFF} && jpeg[at + 1] == std::byte{marker} && nth-- == 0) return at;
  return jpeg.size();
}

Bytes without_segment(Bytes jpeg, uint8_t marker) {
  const size_t at = find_segment(jpeg, marker);
  check(at < jpeg.size(), "no such segment");
  const size_t length = 2 + (std::to_integer<size_t>(jpeg[at + 2]) << 8 | std::to_integer<size_t>(jpeg[at + 3]));
  jpeg.erase(jpeg.begin() + static_cast<int64_t>(at), jpeg.begin() + static_cast<int64_t>(at + length));
  return jpeg;
}

std::string png_chunk(const std::string& name, const std::string& data) {
  const std::string body = name + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big(static_cast<uint32_t>(data.size())) + body + big(static_cast<uint32_t>(sum));
}

std::string deflated(const std::string& data) {
  uLongf size = compressBound(static_cast<uLong>(data.size()));
  std::string packed(size, '\0');
  check(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(data.data()),
                 static_cast<uLong>(data.size())) == Z_OK,
        "compress");
  packed.resize(size);
  return packed;
}

Bytes png_of(const std::string& rows, int width, int height, int depth, int color_type, const std::string& before,
             const std::string& behind) {
  std::string raw;
  const size_t row = rows.size() / static_cast<size_t>(height);
  for (int y = 0; y < height; ++y) raw += std::string(1, '\0') + rows.substr(static_cast<size_t>(y) * row, row);
  return bytes_of("\x89PNG\r\n\x1A\n" +
                  png_chunk("IHDR", big(static_cast<uint32_t>(width)) + big(static_cast<uint32_t>(height)) +
                                        static_cast<char>(depth) + static_cast<char>(color_type) +
                                        std::string(3, '\0')) +
                  before + png_chunk("IDAT", deflated(raw)) + behind + png_chunk("IEND", ""));
}

std::string webp_chunk(const std::string& name, const std::string& data) {
  return name + little(static_cast<uint32_t>(data.size()), 4) + data + std::string(data.size() % 2, '\0');
}

Bytes webp_of(const std::string& chunks) {
  return bytes_of("RIFF" + little(static_cast<uint32_t>(chunks.size() + 4), 4) + "WEBP" + chunks);
}

std::string webp_frame(const Image& image) { return text_of(codec_detail::encode_webp(image, 95)).substr(12); }

Bytes gif_of(const std::vector<std::vector<uint8_t>>& frames, int width, int height, bool interlaced, int transparent) {
  Bytes bytes;
  int error = 0;
  const auto append = [](GifFileType* gif, const GifByteType* data, int size) {
    const auto* begin = reinterpret_cast<const std::byte*>(data);
    auto* out = static_cast<Bytes*>(gif->UserData);
    out->insert(out->end(), begin, begin + size);
    return size;
  };
  GifFileType* gif = EGifOpen(&bytes, append, &error);
  check(gif, "EGifOpen");
  EGifSetGifVersion(gif, true);
  const GifColorType colors[4] = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
  ColorMapObject* map = GifMakeMapObject(4, colors);
  check(EGifPutScreenDesc(gif, width, height, 4, 0, map) == GIF_OK, "screen");
  for (const auto& frame : frames) {
    if (transparent >= 0) {
      const GraphicsControlBlock control{0, false, 10, transparent};
      GifByteType block[4];
      const auto size = EGifGCBToExtension(&control, block);
      check(EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, static_cast<int>(size), block) == GIF_OK, "extension");
    }
    check(EGifPutImageDesc(gif, 0, 0, width, height, interlaced, nullptr) == GIF_OK, "frame");
    struct Pass {
      int first, step;
    };
    for (const Pass& pass : interlaced ? std::vector<Pass>{{0, 8}, {4, 8}, {2, 4}, {1, 2}} : std::vector<Pass>{{0, 1}})
      for (int y = pass.first; y < height; y += pass.step) {
        std::vector<uint8_t> row(frame.begin() + y * width, frame.begin() + (y + 1) * width);
        check(EGifPutLine(gif, row.data(), width) == GIF_OK, "row");
      }
  }
  GifFreeMapObject(map);
  check(EGifCloseFile(gif, &error) == GIF_OK, "EGifCloseFile");
  return bytes;
}

Bytes heif_of(const Image& image, HeifKind kind, int bits, const std::function<void(heif_image*)>& setup) {
  heif_context* context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  const auto good = [](const heif_error& error) { check(error.code == heif_error_Ok, error.message); };
  good(heif_context_get_encoder_for_format(
      context, kind == HeifKind::heic ? heif_compression_HEVC : heif_compression_AV1, &encoder));
  heif_encoder_set_lossy_quality(encoder, 90);
  heif_encoder_set_logging_level(encoder, 0);
  heif_image* raw = nullptr;
  good(heif_image_create(image.width, image.height, heif_colorspace_RGB,
                         bits == 8 ? heif_chroma_interleaved_RGB : heif_chroma_interleaved_RRGGBB_LE, &raw));
  good(heif_image_add_plane(raw, heif_channel_interleaved, image.width, image.height, bits));
  int stride = 0;
  uint8_t* plane = heif_image_get_plane(raw, heif_channel_interleaved, &stride);
  for (int y = 0; y < image.height; ++y)
    for (int i = 0; i < image.width * 3; ++i) {
      uint8_t* row = plane + static_cast<size_t>(y) * static_cast<size_t>(stride);
      if (bits == 8) {
        row[i] = image.row(y)[i];
      } else {
        const int value = image.row(y)[i] << (bits - 8);
        row[2 * i] = static_cast<uint8_t>(value);
        row[2 * i + 1] = static_cast<uint8_t>(value >> 8);
      }
    }
  if (setup) setup(raw);
  heif_encoding_options* options = heif_encoding_options_alloc();
  options->macOS_compatibility_workaround_no_nclx_profile = 0;
  good(heif_context_encode_image(context, raw, encoder, options, nullptr));
  heif_encoding_options_free(options);
  Bytes bytes;
  heif_writer writer{1, [](heif_context*, const void* data, size_t size, void* out) {
                       const auto* begin = static_cast<const std::byte*>(data);
                       static_cast<Bytes*>(out)->assign(begin, begin + size);
                       return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
                     }};
  good(heif_context_write(context, &writer, &bytes));
  heif_image_release(raw);
  heif_encoder_release(encoder);
  heif_context_free(context);
  return bytes;
}

}  // namespace fsfm::test
