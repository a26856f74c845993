// Pictures as strangers' programs write them: small encoders for forms that fsfm reads and never writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "media/image.h"

struct heif_image;
struct jpeg_compress_struct;

namespace fsfm::test {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const std::string& text);
std::string text_of(const Bytes& bytes);

// Smooth colours, different in each corner.
Image gradient(int width, int height);
double mean_difference(const Image& a, const Image& b);  // 255 when the sizes differ

// A JPEG of `channels` (1 grey, 3 RGB, 4 inks, as they are to be stored) interleaved samples. `setup` changes what
// libjpeg's defaults say before the compression starts.
Bytes jpeg_of(std::span<const uint8_t> samples, int width, int height, int channels,
              const std::function<void(jpeg_compress_struct&)>& setup = {});
Bytes jpeg_of(const Image& image, const std::function<void(jpeg_compress_struct&)>& setup = {});
// Where segment `marker` (its second byte) begins, the n-th from 0; the size of the file when it does not.
size_t find_segment(const Bytes& jpeg, uint8_t marker, int nth = 0);
Bytes without_segment(Bytes jpeg, uint8_t marker);

std::string png_chunk(const std::string& name, const std::string& data);
std::string deflated(const std::string& data);
// A PNG of rows as they are stored (without filter bytes); `before` and `behind` are chunks around the picture's data.
Bytes png_of(const std::string& rows, int width, int height, int depth, int color_type, const std::string& before = "",
             const std::string& behind = "");

// WebP chunks (name, size, data, padding) and the file of them.
std::string webp_chunk(const std::string& name, const std::string& data);
Bytes webp_of(const std::string& chunks);
// The VP8 chunk of a picture.
std::string webp_frame(const Image& image);

// A GIF of frames of the same palette of 4 colours (black, red, green, blue); `frames` hold indices.
Bytes gif_of(const std::vector<std::vector<uint8_t>>& frames, int width, int height, bool interlaced = false,
             int transparent = -1);

enum class HeifKind { heic, avif };
// `bits`: 8 or 10 a sample. `setup` may say what the numbers mean before the compression starts.
Bytes heif_of(const Image& image, HeifKind kind, int bits = 8, const std::function<void(heif_image*)>& setup = {});

}  // namespace fsfm::test
