// PNG through libpng: pictures, and class maps as 8-bit palettes.
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "media/codec_formats.h"

namespace fsfm {
namespace {

using codec_detail::Source;

struct Reader {
  const Source* source = nullptr;
  size_t position = 0;
  bool truncated = false;
  char message[128] = "";
  std::jmp_buf jump;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_read_error(png_structp png, png_const_charp message) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader->message, message, sizeof reader->message - 1);
  std::longjmp(reader->jump, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, size_t size) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (size > reader->source->size() - reader->position) {
    reader->truncated = true;
    png_error(png, "truncated");
  }
  std::memcpy(out, reader->source->data() + reader->position, size);
  reader->position += size;
}

// Runs `body`; false when libpng gave up, which it does with a jump into this frame. Nothing that has a destructor may
// live in `body`: a jump over it would be undefined.
template <class State, class Body>
bool runs(State& state, Body&& body) {
  if (setjmp(state.jump)) return false;
  body();
  return true;
}

[[noreturn]] void fail(const Reader& reader) {
  if (reader.truncated) reader.source->truncated();
  reader.source->damaged(reader.message);
}

template <class Body>
void guarded(Reader& reader, Body&& body) {
  if (!runs(reader, body)) fail(reader);
}

// Reads the header and checks the size; the caller sets transformations and reads the rows.
std::unique_ptr<Reader> open_png(const Source& source) {
  auto reader = std::make_unique<Reader>();
  reader->source = &source;
  reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader.get(), on_read_error, on_warning);
  if (reader->png) reader->info = png_create_info_struct(reader->png);
  if (!reader->info) throw std::bad_alloc();
  guarded(*reader, [r = reader.get()] {
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_size is the limit
    png_set_chunk_malloc_max(r->png, 8u << 20);
    png_read_info(r->png, r->info);
  });
  source.check_size(png_get_image_width(reader->png, reader->info), png_get_image_height(reader->png, reader->info));
  return reader;
}

// Have all rows come? libpng goes on behind the last one and may find that the file ends there.
bool has_all_rows(const Reader& reader) {
  constexpr int kPasses = 7;  // of an interlaced picture
  if (png_get_interlace_type(reader.png, reader.info) != PNG_INTERLACE_NONE)
    return png_get_current_pass_number(reader.png) >= kPasses;
  return png_get_current_row_number(reader.png) >= png_get_image_height(reader.png, reader.info);
}

void read_rows(Reader& reader, uint8_t* pixels, size_t row_bytes, int height) {
  std::vector<png_bytep> rows(height);
  for (int y = 0; y < height; ++y) rows[y] = pixels + static_cast<size_t>(y) * row_bytes;
  const bool whole = runs(reader, [&] {
    if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "unexpected row size");
    png_read_image(reader.png, rows.data());
  });
  if (!whole && !(reader.truncated && has_all_rows(reader))) fail(reader);
}

struct Writer {
  std::vector<std::byte> bytes;
  std::jmp_buf jump;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

void on_write_error(png_structp png, png_const_charp) {
  std::longjmp(static_cast<Writer*>(png_get_error_ptr(png))->jump, 1);
}

void on_write(png_structp png, png_bytep data, size_t size) {
  auto* writer = static_cast<Writer*>(png_get_io_ptr(png));
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  bool stored = true;
  try {
    writer->bytes.insert(writer->bytes.end(), begin, begin + size);
  } catch (const std::bad_alloc&) {  // must not travel through C code, nor may a jump leave this block
    stored = false;
  }
  if (!stored) png_error(png, "out of memory");
}

std::vector<std::byte> encode(const uint8_t* pixels, int width, int height, int channels, int level,
                              std::span<const png_color> palette) {
  const auto writer = std::make_unique<Writer>();
  writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, writer.get(), on_write_error, on_warning);
  if (writer->png) writer->info = png_create_info_struct(writer->png);
  if (!writer->info) throw std::bad_alloc();
  const bool written = runs(*writer, [&, w = writer.get()] {
    png_set_write_fn(w->png, w, on_write, nullptr);
    png_set_compression_level(w->png, std::clamp(level, 0, 9));
    png_set_IHDR(w->png, w->info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
                 palette.empty() ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (!palette.empty()) png_set_PLTE(w->png, w->info, palette.data(), static_cast<int>(palette.size()));
    png_write_info(w->png, w->info);
    for (int y = 0; y < height; ++y) png_write_row(w->png, pixels + static_cast<size_t>(y) * width * channels);
    png_write_end(w->png, nullptr);
  });
  if (!written) throw Error("cannot write " + std::to_string(width) + "x" + std::to_string(height) + " pixels as PNG");
  return std::move(writer->bytes);
}

}  // namespace

namespace codec_detail {

namespace {

// Is there an acTL chunk of several frames before the picture's data?
bool is_animated(const Source& source) {
  const auto big32 = [&](size_t at) {
    return static_cast<uint32_t>(source.data()[at]) << 24 | source.data()[at + 1] << 16 | source.data()[at + 2] << 8 |
           source.data()[at + 3];
  };
  for (uint64_t at = 8; at + 12 <= source.size(); at += uint64_t{12} + big32(at)) {
    const auto* name = source.data() + at + 4;
    if (std::memcmp(name, "IDAT", 4) == 0) return false;
    if (std::memcmp(name, "acTL", 4) == 0) return at + 12 <= source.size() && big32(at + 8) > 1;
  }
  return false;
}

// EXIF may stand before or behind the rows, which have been read; damage behind them does no harm.
int read_orientation(Reader& reader) {
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (!png_get_eXIf_1(reader.png, reader.info, &size, &exif)) {
    if (!reader.truncated) runs(reader, [&] { png_read_end(reader.png, reader.info); });
    if (!png_get_eXIf_1(reader.png, reader.info, &size, &exif)) return 1;
  }
  return exif_orientation(std::as_bytes(std::span(exif, size)));
}

}  // namespace

Image decode_png(const Source& source) {
  if (source.size() >= 16 && std::memcmp(source.data() + 12, "CgBI", 4) == 0)
    source.unsupported("a PNG packed for iOS (CgBI)");
  const auto reader = open_png(source);
  png_structp png = reader->png;
  png_infop info = reader->info;
  const int width = static_cast<int>(png_get_image_width(png, info)),
            height = static_cast<int>(png_get_image_height(png, info));
  const bool alpha = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
  if (is_animated(source)) source.say(kAnimated);
  png_charp name = nullptr;
  png_bytep profile = nullptr;
  png_uint_32 profile_size = 0;
  int compression = 0;
  if (png_get_iCCP(png, info, &name, &compression, &profile, &profile_size)) source.has_profile(profile, profile_size);
  guarded(*reader, [&] {
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  if (!alpha) {
    Image image(width, height);
    read_rows(*reader, image.rgb.data(), static_cast<size_t>(width) * 3, height);
    return apply_orientation(std::move(image), read_orientation(*reader));
  }
  std::vector<uint8_t> rgba(static_cast<size_t>(width) * height * 4);
  read_rows(*reader, rgba.data(), static_cast<size_t>(width) * 4, height);
  return apply_orientation(flatten(rgba, width, height), read_orientation(*reader));
}

}  // namespace codec_detail

std::vector<std::byte> encode_png(const Image& image, int level) {
  if (image.empty()) throw Error("cannot write an empty picture as PNG");
  return encode(image.rgb.data(), image.width, image.height, 3, level, {});
}

std::vector<std::byte> encode_palette_png(std::span<const uint8_t> indices, int width, int height,
                                          std::span<const uint8_t> palette) {
  if (width < 1 || height < 1 || indices.size() != static_cast<size_t>(width) * height)
    throw InternalError("encode_palette_png: the sizes do not fit the indices");
  if (palette.empty() || palette.size() % 3 != 0 || palette.size() > 3 * 256)
    throw InternalError("encode_palette_png: a palette is 1 to 256 RGB triples");
  std::vector<png_color> colors(palette.size() / 3);
  for (size_t i = 0; i < colors.size(); ++i) colors[i] = {palette[i * 3], palette[i * 3 + 1], palette[i * 3 + 2]};
  if (*std::max_element(indices.begin(), indices.end()) >= colors.size())
    throw InternalError("encode_palette_png: an index lies outside the palette");
  return encode(indices.data(), width, height, 1, 6, colors);
}

std::vector<uint8_t> decode_palette_png(std::span<const std::byte> bytes, const std::string& name, int& width,
                                        int& height) {
  const DecodeLimits limits;
  const Source source{bytes, name, limits};
  if (bytes.size() < 8 || png_sig_cmp(source.data(), 0, 8) != 0)
    throw Error(name + " is no PNG file", "class maps are 8-bit palette or grey PNG files");
  const auto reader = open_png(source);
  const int color_type = png_get_color_type(reader->png, reader->info);
  if ((color_type != PNG_COLOR_TYPE_PALETTE && color_type != PNG_COLOR_TYPE_GRAY) ||
      png_get_bit_depth(reader->png, reader->info) > 8)
    throw Error(name + " is no class map", "class maps are 8-bit palette or grey PNG files");
  width = static_cast<int>(png_get_image_width(reader->png, reader->info));
  height = static_cast<int>(png_get_image_height(reader->png, reader->info));
  guarded(*reader, [r = reader.get()] {
    png_set_packing(r->png);  // 1, 2 and 4 bits to a byte each, values unchanged
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
  });
  std::vector<uint8_t> indices(static_cast<size_t>(width) * height);
  read_rows(*reader, indices.data(), static_cast<size_t>(width), height);
  return indices;
}

}  // namespace fsfm
