// JPEG through libjpeg. The pixels equal Pillow's and OpenCV's: accurate integer DCT, smooth chroma upsampling.
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

// jpeglib.h wants <cstdio> before it, jerror.h wants jpeglib.h
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "base/error.h"
#include "media/codec_formats.h"

namespace fsfm {
namespace {

using codec_detail::Source;

// A progressive file may hold any number of scans over the whole picture: a small file could keep the decoder busy for
// hours. Real encoders write about ten.
constexpr int kMostScans = 200;

struct Errors {
  jpeg_error_mgr base;  // first, so that libjpeg's pointer is ours
  std::jmp_buf jump;
  bool file_ended;                // before the end marker; harmless when all rows are there
  bool data_ended;                // a row lacks its data: libjpeg fills with grey
  char corrupt[JMSG_LENGTH_MAX];  // the first sign of data that was changed on its way
};

void on_error(j_common_ptr info) { std::longjmp(reinterpret_cast<Errors*>(info->err)->jump, 1); }

// Called with level < 0 for a warning. Not all of them mean that pixels are wrong: cameras pad their data ("extraneous
// bytes") and write odd headers.
void on_message(j_common_ptr info, int level) {
  auto* errors = reinterpret_cast<Errors*>(info->err);
  if (level >= 0) return;
  switch (errors->base.msg_code) {
    case JWRN_JPEG_EOF:
      errors->file_ended = true;
      break;
    case JWRN_HIT_MARKER:
      errors->data_ended = true;
      break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      if (errors->corrupt[0] == 0) errors->base.format_message(info, errors->corrupt);
      break;
    default:
      break;
  }
}

void on_progress(j_common_ptr info) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  if (decoder->input_scan_number > kMostScans) {
    info->err->msg_code = JERR_BAD_PROGRESSION;
    std::longjmp(reinterpret_cast<Errors*>(info->err)->jump, 1);
  }
}

void install(Errors& errors) {
  jpeg_std_error(&errors.base);
  errors.base.error_exit = on_error;
  errors.base.emit_message = on_message;
  errors.base.output_message = [](j_common_ptr) {};
  errors.file_ended = errors.data_ended = false;
  errors.corrupt[0] = 0;
}

// Runs `body`, whose frame holds nothing to destroy; false if libjpeg gave up.
template <class Body>
bool guarded(Errors& errors, Body&& body) {
  if (setjmp(errors.jump)) return false;
  body();
  return true;
}

struct Decoder {
  jpeg_decompress_struct info{};
  Errors errors{};
  jpeg_progress_mgr progress{};
  ~Decoder() { jpeg_destroy_decompress(&info); }
};

int orientation(const jpeg_decompress_struct& info) {
  constexpr char kExif[] = {'E', 'x', 'i', 'f', 0, 0};
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker; marker = marker->next)
    if (marker->data_length > sizeof kExif && std::memcmp(marker->data, kExif, sizeof kExif) == 0)
      return codec_detail::exif_orientation(
          std::as_bytes(std::span(marker->data + sizeof kExif, marker->data_length - sizeof kExif)));
  return 1;
}

// Four inks to light, rounded as Pillow does. Inks are stored inverted, as Adobe began it; files that have lost Adobe's
// mark on their way are no exception, and neither Pillow nor browsers look for the mark. Profiles are not applied.
void cmyk_to_rgb(const uint8_t* in, uint8_t* out, int width) {
  for (int x = 0; x < width; ++x, in += 4, out += 3)
    for (int c = 0; c < 3; ++c) {
      const int ink = (255 - in[c]) * in[3] + 128;
      out[c] = static_cast<uint8_t>(in[3] - (((ink >> 8) + ink) >> 8));
    }
}

// A picture in several scans has all its rows from the first scan on; what a missing scan takes away is colour planes
// or detail. A file does not tell how many scans it has, but which coefficients have come, and down to which bit.
bool lacks_scans(const jpeg_decompress_struct& info) {
  for (int c = 0; c < info.num_components; ++c) {
    if (!info.comp_info[c].quant_table) return true;  // set by a component's first scan
    for (int k = 0; info.progressive_mode && info.coef_bits && k < DCTSIZE2; ++k)
      if (info.coef_bits[c][k] != 0) return true;
  }
  return false;
}

void read_profile(Decoder& decoder, const Source& source) {
  JOCTET* bytes = nullptr;
  unsigned int size = 0;
  const bool read = guarded(decoder.errors, [&] {
    if (!jpeg_read_icc_profile(&decoder.info, &bytes, &size)) bytes = nullptr;
  });
  const std::unique_ptr<JOCTET, decltype(&std::free)> owner(bytes, std::free);
  if (read) source.has_profile(bytes, size);
}

// What a file of a kind that libjpeg does not read is called; "" when it is damaged rather than unusual.
const char* unusual_kind(int code) {
  switch (code) {
    case JERR_BAD_PRECISION:
      return "a JPEG of more than 8 bits";
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
      return "a JPEG of a rare kind (lossless, hierarchical)";
    case JERR_CONVERSION_NOTIMPL:
    case JERR_COMPONENT_COUNT:
      return "a JPEG of an unusual number of channels";
    case JERR_EMPTY_IMAGE:
      return "a JPEG that does not tell its height";
    case JERR_NOT_COMPILED:
    case JERR_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
      return "a JPEG of a rare kind";
    default:
      return "";
  }
}

}  // namespace

namespace codec_detail {

Image decode_jpeg(const Source& source) {
  const auto decoder = std::make_unique<Decoder>();
  auto& [info, errors, progress] = *decoder;
  install(errors);
  info.err = &errors.base;
  const auto fail = [&source, decoder = decoder.get()] {
    if (decoder->errors.file_ended) source.truncated();
    if (const char* kind = unusual_kind(decoder->errors.base.msg_code); *kind) source.unsupported(kind);
    char message[JMSG_LENGTH_MAX];
    decoder->errors.base.format_message(reinterpret_cast<j_common_ptr>(&decoder->info), message);
    source.damaged(message);
  };
  if (!guarded(errors, [&] {
        jpeg_create_decompress(&info);
        progress.progress_monitor = on_progress;
        info.progress = &progress;
        jpeg_mem_src(&info, source.data(), source.size());
        jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
        jpeg_save_markers(&info, JPEG_APP0 + 2, 0xFFFF);
        jpeg_read_header(&info, TRUE);
      }))
    fail();
  source.check_size(info.image_width, info.image_height);
  const bool inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  const int width = static_cast<int>(info.image_width);
  Image image(width, static_cast<int>(info.image_height));
  std::vector<uint8_t> line(inks ? static_cast<size_t>(width) * 4 : 0);
  if (!guarded(errors, [&] {
        info.out_color_space = inks ? JCS_CMYK : JCS_RGB;
        jpeg_start_decompress(&info);
        while (info.output_scanline < info.output_height) {
          uint8_t* target = image.row(static_cast<int>(info.output_scanline));
          JSAMPROW row = inks ? line.data() : target;
          jpeg_read_scanlines(&info, &row, 1);
          if (inks) cmyk_to_rgb(line.data(), target, width);
        }
      }))
    fail();
  // In arithmetic coding data that has ended reads as zeros, without a word.
  const bool rows_missing = errors.data_ended || (info.arith_code && errors.file_ended) || lacks_scans(info);
  if (rows_missing && errors.file_ended) source.truncated();
  if (rows_missing) source.damaged("its data ends before the picture does");
  if (errors.corrupt[0]) source.damaged(errors.corrupt);
  if (!inks) read_profile(*decoder, source);
  return apply_orientation(std::move(image), orientation(info));
}

}  // namespace codec_detail

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  if (image.empty() || image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION)
    throw Error("cannot write " + std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels as JPEG",
                "a side must be 1 to 65500 pixels");
  struct Encoder {
    jpeg_compress_struct info{};
    Errors errors{};
    unsigned char* bytes = nullptr;
    unsigned long size = 0;
    ~Encoder() {
      jpeg_destroy_compress(&info);
      std::free(bytes);
    }
  };
  const auto encoder = std::make_unique<Encoder>();
  auto& info = encoder->info;
  install(encoder->errors);
  info.err = &encoder->errors.base;
  const bool done = guarded(encoder->errors, [&] {
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &encoder->bytes, &encoder->size);
    info.image_width = static_cast<JDIMENSION>(image.width);
    info.image_height = static_cast<JDIMENSION>(image.height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
      JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
      jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
  });
  if (!done)
    throw Error("cannot write " + std::to_string(image.width) + "x" + std::to_string(image.height) + " pixels as JPEG");
  const auto* begin = reinterpret_cast<const std::byte*>(encoder->bytes);
  return {begin, begin + encoder->size};
}

}  // namespace fsfm
