// HEIC and AVIF through libheif, which also turns and mirrors as the file says (its EXIF says the same once more). Its
// decoders (libde265, dav1d) may print a line about a damaged header: they have no switch for it, and stderr, which is
// the whole process's, is not ours to close.
#include <libheif/heif.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include "base/content_kind.h"
#include "base/error.h"
#include "media/codec_formats.h"
#include "media/codec_heif_color.h"
#include "media/codec_heif_parts.h"

namespace fsfm::codec_detail {
namespace {

std::string form_of(const Source& source) { return content_kind(source.bytes) == ContentKind::avif ? "AVIF" : "HEIC"; }

[[noreturn]] void damaged(const Source& source, const std::string& detail) {
  throw Error(ErrorCode::damaged, source.name + " is a damaged " + form_of(source) + " picture: " + detail,
              "copy the file again, or convert it to JPEG where it still opens");
}

// libheif tells little; what the file is helps its owner more.
[[noreturn]] void fail(const Source& source, const heif_error& error) {
  const std::string form = form_of(source);
  if (error.subcode == heif_suberror_End_of_data)
    throw Error(ErrorCode::damaged, source.name + " is a truncated " + form + " picture",
                "copy or download the file again");
  if (error.code == heif_error_Unsupported_feature || error.code == heif_error_Unsupported_filetype)
    source.unsupported("a picture in " + form + " of a kind that is not read (" + std::string(error.message) + ")");
  damaged(source, error.message);
}

bool is_sequence(const Source& source) {
  const std::string_view start(reinterpret_cast<const char*>(source.data()), std::min<size_t>(source.size(), 12));
  return start.ends_with("hevc") || start.ends_with("hevx") || start.ends_with("msf1") || start.ends_with("avis");
}

}  // namespace

Image decode_heif(const Source& source) {
  const std::unique_ptr<heif_context, void (*)(heif_context*)> context(heif_context_alloc(), heif_context_free);
  if (!context) throw std::bad_alloc();
  heif_context_set_max_decoding_threads(context.get(), 0);  // in this thread: callers decode many pictures at once
  heif_error error = heif_context_read_from_memory_without_copy(context.get(), source.data(), source.size(), nullptr);
  if (error.code != heif_error_Ok) fail(source, error);
  heif_item_id item = 0;
  error = heif_context_get_primary_image_ID(context.get(), &item);
  if (error.code != heif_error_Ok) fail(source, error);
  if (const char* why = heif_parts_problem(source.bytes, item); *why) damaged(source, why);
  heif_image_handle* primary = nullptr;
  error = heif_context_get_primary_image_handle(context.get(), &primary);
  if (error.code != heif_error_Ok) fail(source, error);
  const std::unique_ptr<const heif_image_handle, void (*)(const heif_image_handle*)> handle(primary,
                                                                                            heif_image_handle_release);
  source.check_size(heif_image_handle_get_ispe_width(primary), heif_image_handle_get_ispe_height(primary));
  source.check_size(heif_image_handle_get_width(primary), heif_image_handle_get_height(primary));
  const std::unique_ptr<heif_decoding_options, void (*)(heif_decoding_options*)> options(heif_decoding_options_alloc(),
                                                                                         heif_decoding_options_free);
  const Nclx nclx = nclx_of(primary);
  const bool hdr = is_hdr(nclx), alpha = !hdr && heif_image_handle_has_alpha_channel(primary);
  options->convert_hdr_to_8bit = !hdr;
  heif_image* raw = nullptr;
  error = heif_decode_image(primary, &raw, heif_colorspace_RGB,
                            hdr     ? heif_chroma_interleaved_RRGGBB_LE
                            : alpha ? heif_chroma_interleaved_RGBA
                                    : heif_chroma_interleaved_RGB,
                            options.get());
  if (error.code != heif_error_Ok) fail(source, error);
  const std::unique_ptr<const heif_image, void (*)(const heif_image*)> decoded(raw, heif_image_release);
  const int width = heif_image_get_width(raw, heif_channel_interleaved),
            height = heif_image_get_height(raw, heif_channel_interleaved);
  source.check_size(width, height);
  if (is_sequence(source)) source.say(kAnimated);
  if (hdr) return tone_mapped(raw, *nclx, source);
  read_heif_profile(primary, nclx, source);
  int stride = 0;
  const uint8_t* pixels = heif_image_get_plane_readonly(raw, heif_channel_interleaved, &stride);
  const int channels = alpha ? 4 : 3;
  if (!pixels || stride < width * channels) source.damaged("the picture cannot be decoded");
  const bool premultiplied = alpha && heif_image_is_premultiplied_alpha(raw);
  Image image(width, height);
  for (int y = 0; y < height; ++y) {
    const uint8_t* in = pixels + static_cast<size_t>(y) * static_cast<size_t>(stride);
    uint8_t* out = image.row(y);
    for (int x = 0; x < width; ++x, in += channels, out += 3)
      for (int c = 0; c < 3; ++c)
        out[c] = !alpha          ? in[c]
                 : premultiplied ? static_cast<uint8_t>(std::min(255, in[c] + 255 - in[3]))
                                 : over_white(in[c], in[3]);
  }
  return image;
}

}  // namespace fsfm::codec_detail
