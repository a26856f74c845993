// TIFF through libtiff.
#include <tiffio.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "media/codec_formats.h"

namespace fsfm::codec_detail {
namespace {

// What libtiff's callbacks share: the bytes, a position, and the first error it reported.
struct TiffInput {
  const Source& source;
  uint64_t position = 0;
  char message[160] = "";
  bool data_ended = false;  // inside a strip of JPEG data, whose decoder fills with grey
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

int tiff_warning(TIFF*, void* data, const char*, const char* format, va_list arguments) {
  char message[160];
  std::vsnprintf(message, sizeof message, format, arguments);
  if (std::strstr(message, "remature end")) static_cast<TiffInput*>(data)->data_ended = true;
  return 1;
}

uint16_t field(TIFF* tiff, uint32_t tag, uint16_t otherwise = 0) {
  uint16_t value = otherwise;
  return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : otherwise;
}

// What libtiff's conversion to RGB would misread or refuse, by name; "" when it can be read.
std::string unusual_kind(TIFF* tiff) {
  uint32_t subfile = 0;
  const void* version = nullptr;
  TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &subfile);
  if (TIFFGetField(tiff, TIFFTAG_DNGVERSION, &version)) return "a raw camera picture (DNG)";
  if (subfile & FILETYPE_REDUCEDIMAGE) return "a TIFF that begins with a preview (a raw camera picture?)";
  const int bits = field(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  switch (field(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT)) {
    case SAMPLEFORMAT_UINT:
    case SAMPLEFORMAT_VOID:
      break;
    case SAMPLEFORMAT_INT:
      return "a TIFF of signed numbers";
    case SAMPLEFORMAT_IEEEFP:
      return "a TIFF of " + std::to_string(bits) + "-bit floating-point numbers";
    default:
      return "a TIFF of complex numbers";
  }
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16)
    return "a TIFF of " + std::to_string(bits) + " bits a sample";
  uint16_t photometric = 0;
  if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric)) return "";  // libtiff guesses as others do
  switch (photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_RGB:
    case PHOTOMETRIC_PALETTE:
    case PHOTOMETRIC_YCBCR:
      return "";
    case PHOTOMETRIC_SEPARATED:
      return bits == 8 ? "" : "a TIFF of inks of " + std::to_string(bits) + " bits";
    case PHOTOMETRIC_CIELAB:
    case PHOTOMETRIC_ICCLAB:
    case PHOTOMETRIC_ITULAB:
      return "a TIFF in Lab colours";
    case PHOTOMETRIC_LOGL:
    case PHOTOMETRIC_LOGLUV:
      return "a TIFF of high dynamic range (LogLuv)";
    case PHOTOMETRIC_CFA:
      return "a raw camera picture";
    case PHOTOMETRIC_MASK:
      return "a TIFF that begins with a mask";
    default:
      return "a TIFF of colour kind " + std::to_string(photometric);
  }
}

// Is the fourth sample of a pixel something else than alpha? Files that do not say what it is pad with it.
bool pads_with_extra_sample(TIFF* tiff) {
  uint16_t count = 0, *kinds = nullptr;
  return TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &count, &kinds) && count > 0 &&
         kinds[0] == EXTRASAMPLE_UNSPECIFIED;
}

}  // namespace

Image decode_tiff(const Source& source) {
  TiffInput input{source};
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), tiff_error, &input);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), tiff_warning, &input);
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
  if (const std::string kind = unusual_kind(tiff.get()); !kind.empty()) source.unsupported(kind);
  char reason[1024] = "";
  if (!TIFFRGBAImageOK(tiff.get(), reason))
    source.unsupported("a TIFF of an unusual kind (" + std::string(reason) + ")");
  uint32_t profile_size = 0;
  void* profile = nullptr;
  if (field(tiff.get(), TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB) != PHOTOMETRIC_SEPARATED &&
      TIFFGetField(tiff.get(), TIFFTAG_ICCPROFILE, &profile_size, &profile))
    source.has_profile(profile, profile_size);
  // libtiff mirrors but does not turn: read the pixels as they are stored and orient them ourselves.
  std::vector<uint32_t> raster(static_cast<size_t>(width) * height);
  TIFFRGBAImage reader;
  if (!TIFFRGBAImageBegin(&reader, tiff.get(), 1, reason))
    source.unsupported("a TIFF of an unusual kind (" + std::string(reason) + ")");
  reader.orientation = reader.req_orientation = ORIENTATION_TOPLEFT;
  const bool done = TIFFRGBAImageGet(&reader, raster.data(), width, height);
  TIFFRGBAImageEnd(&reader);
  if (!done) fail();
  if (input.data_ended) source.damaged("its data ends before the picture does");
  const bool opaque = pads_with_extra_sample(tiff.get());
  Image image(static_cast<int>(width), static_cast<int>(height));
  for (size_t i = 0; i < raster.size(); ++i) {
    const uint32_t pixel = raster[i];  // premultiplied by its alpha
    const uint32_t white = opaque ? 0 : 255 - TIFFGetA(pixel);
    image.rgb[i * 3] = static_cast<uint8_t>(std::min(255u, TIFFGetR(pixel) + white));
    image.rgb[i * 3 + 1] = static_cast<uint8_t>(std::min(255u, TIFFGetG(pixel) + white));
    image.rgb[i * 3 + 2] = static_cast<uint8_t>(std::min(255u, TIFFGetB(pixel) + white));
  }
  if (!TIFFLastDirectory(tiff.get())) source.say("several pages: the first was read");
  return apply_orientation(std::move(image), orientation);
}

}  // namespace fsfm::codec_detail
