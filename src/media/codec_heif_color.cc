#include "media/codec_heif_color.h"

#include <algorithm>
#include <vector>

#include "media/av.h"
#include "media/color_profile.h"
#include "media/video_light.h"

namespace fsfm::codec_detail {

Nclx nclx_of(const heif_image_handle* handle) {
  heif_color_profile_nclx* nclx = nullptr;
  heif_image_handle_get_nclx_color_profile(handle, &nclx);
  return Nclx(nclx);
}

bool is_hdr(const Nclx& nclx) {
  return nclx && (nclx->transfer_characteristics == heif_transfer_characteristic_ITU_R_BT_2100_0_PQ ||
                  nclx->transfer_characteristics == heif_transfer_characteristic_ITU_R_BT_2100_0_HLG);
}

void read_heif_profile(const heif_image_handle* handle, const Nclx& nclx, const Source& source) {
  if (const size_t size = heif_image_handle_get_raw_color_profile_size(handle); size > 0 && size <= source.size()) {
    std::vector<std::byte> profile(size);
    if (heif_image_handle_get_raw_color_profile(handle, profile.data()).code == heif_error_Ok)
      source.has_profile(profile.data(), profile.size());
    return;
  }
  const bool wide = nclx && (nclx->color_primaries == heif_color_primaries_ITU_R_BT_2020_2_and_2100_0 ||
                             nclx->color_primaries == heif_color_primaries_SMPTE_EG_432_1);
  if (!wide) return;
  const std::vector<std::byte> profile =
      profile_of({.white = {nclx->color_primary_white_x, nclx->color_primary_white_y},
                  .red = {nclx->color_primary_red_x, nclx->color_primary_red_y},
                  .green = {nclx->color_primary_green_x, nclx->color_primary_green_y},
                  .blue = {nclx->color_primary_blue_x, nclx->color_primary_blue_y}});
  source.has_profile(profile.data(), profile.size());
}

Image tone_mapped(const heif_image* decoded, const heif_color_profile_nclx& nclx, const Source& source) {
  const int width = heif_image_get_width(decoded, heif_channel_interleaved),
            height = heif_image_get_height(decoded, heif_channel_interleaved),
            bits = heif_image_get_bits_per_pixel_range(decoded, heif_channel_interleaved);
  int stride = 0;
  const uint8_t* pixels = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
  if (!pixels || bits < 8 || bits > 16 || stride < width * 6) source.damaged("the picture cannot be decoded");
  const uint32_t most = (1u << bits) - 1;
  std::vector<uint16_t> line(static_cast<size_t>(width) * 3);
  Image image(width, height);
  const av::Frame in = av::make_frame(), out = av::make_frame();                              // a row each
  in->color_trc = static_cast<AVColorTransferCharacteristic>(nclx.transfer_characteristics);  // CICP's numbers, both
  in->color_primaries = static_cast<AVColorPrimaries>(nclx.color_primaries);
  in->width = out->width = width;
  in->height = out->height = 1;
  in->data[0] = reinterpret_cast<uint8_t*>(line.data());
  for (int y = 0; y < height; ++y) {
    const uint8_t* row = pixels + static_cast<size_t>(y) * static_cast<size_t>(stride);
    for (size_t i = 0; i < line.size(); ++i) {
      const uint32_t value = std::min<uint32_t>(static_cast<uint32_t>(row[2 * i]) | row[2 * i + 1] << 8, most);
      line[i] = static_cast<uint16_t>((value * 65535 + most / 2) / most);
    }
    out->data[0] = image.row(y);
    tone_map(*in, *in, *out);
  }
  return image;
}

}  // namespace fsfm::codec_detail
