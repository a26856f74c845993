// Pictures from and to files and bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm {

struct DecodeLimits {
  int64_t max_pixels = 100'000'000;  // checked from the header before pixels are allocated
  int64_t max_bytes = 512ll << 20;
};

struct Picture {
  Image image;
  std::string note;  // what a reader of the result should know: "animated: its first frame was read"; "" = nothing
};

// JPEG, PNG, WebP, GIF, HEIC, AVIF, BMP, TIFF, PPM, told by their content. Grey and alpha become RGB (alpha over
// white), inks light (as Pillow shows them: profiles of inks are not applied), 16 bits become the upper 8; colours are
// brought to sRGB from the profile that a picture carries, high dynamic range as in videos; the orientation is applied.
// Of several frames or pages the first is read, and the note says so. A picture whose rows are all there is read, also
// when its end marker is missing or junk follows. Throws Error naming the file, what it is and the way out: no picture,
// rows missing, data damaged on the way, a form that is not read, too large (also a side above 65,500 pixels).
Picture read_picture(const std::filesystem::path& path, const DecodeLimits& limits = {});
Picture decode_picture(std::span<const std::byte> bytes, const std::string& name_for_errors,
                       const DecodeLimits& limits = {});
// The same without the note.
Image read_image(const std::filesystem::path& path, const DecodeLimits& limits = {});
Image decode_image(std::span<const std::byte> bytes, const std::string& name_for_errors,
                   const DecodeLimits& limits = {});

std::vector<std::byte> encode_jpeg(const Image& image, int quality = 95);
std::vector<std::byte> encode_png(const Image& image, int level = 6);
// By the extension of `name`: .jpg/.jpeg, .png or .webp. Throws Error for any other.
std::vector<std::byte> encode_image(const std::filesystem::path& name, const Image& image, int jpeg_quality = 95);
// The same, written atomically.
void write_image(const std::filesystem::path& path, const Image& image, int jpeg_quality = 95);

// 8-bit palette PNG of class indices (0..255), and back. `palette` is RGB triples, one per class.
std::vector<std::byte> encode_palette_png(std::span<const uint8_t> indices, int width, int height,
                                          std::span<const uint8_t> palette);
// Indices of a palette or grey PNG, unchanged; sets width and height.
std::vector<uint8_t> decode_palette_png(std::span<const std::byte> bytes, const std::string& name_for_errors,
                                        int& width, int& height);

}  // namespace fsfm
