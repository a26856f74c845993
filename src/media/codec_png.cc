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

// Runs `body`, whose frame holds nothing to destroy; throws what went wrong.
template <class Body>
void guarded(Reader& reader, Body&& body) {
  if (setjmp(reader.jump)) {
    if (reader.truncated) reader.source->truncated();
    reader.source->damaged(reader.message);
  }
  body();
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

void read_rows(Reader& reader, uint8_t* pixels, size_t row_bytes, int height) {
  std::vector<png_bytep> rows(height);
  for (int y = 0; y < height; ++y) rows[y] = pixels + static_cast<size_t>(y) * row_bytes;
  guarded(reader, [&] {
    if (png_get_rowbytes(reader.png, reader.info) != row_bytes) png_error(reader.png, "unexpected row size");
    png_read_image(reader.png, rows.data());
  });
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
  try {
    writer->bytes.insert(writer->bytes.end(), begin, begin + size);
  } catch (const std::bad_alloc&) {  // must not travel through C code
    png_error(png, "out of memory");
  }
}

std::vector<std::byte> encode(const uint8_t* pixels, int width, int height, int channels, int level,
                              std::span<const png_color> palette) {
  const auto writer = std::make_unique<Writer>();
  writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, writer.get(), on_write_error, on_warning);
  if (writer->png) writer->info = png_create_info_struct(writer->png);
  if (!writer->info) throw std::bad_alloc();
  if (setjmp(writer->jump))
    throw Error("cannot write " + std::to_string(width) + "x" + std::to_string(height) + " pixels as PNG");
  png_set_write_fn(writer->png, writer.get(), on_write, nullptr);
  png_set_compression_level(writer->png, std::clamp(level, 0, 9));
  png_set_IHDR(writer->png, writer->info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
               palette.empty() ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_PALETTE, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (!palette.empty()) png_set_PLTE(writer->png, writer->info, palette.data(), static_cast<int>(palette.size()));
  png_write_info(writer->png, writer->info);
  for (int y = 0; y < height; ++y) png_write_row(writer->png, pixels + static_cast<size_t>(y) * width * channels);
  png_write_end(writer->png, nullptr);
  return std::move(writer->bytes);
}

}  // namespace

namespace codec_detail {

Image decode_png(const Source& source) {
  const auto reader = open_png(source);
  png_structp png = reader->png;
  png_infop info = reader->info;
  const int width = static_cast<int>(png_get_image_width(png, info)),
            height = static_cast<int>(png_get_image_height(png, info));
  const bool alpha = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
  int turned = 1;
  guarded(*reader, [&] {
    png_uint_32 size = 0;
    png_bytep exif = nullptr;
    if (png_get_eXIf_1(png, info, &size, &exif)) turned = exif_orientation(std::as_bytes(std::span(exif, size)));
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  if (!alpha) {
    Image image(width, height);
    read_rows(*reader, image.rgb.data(), static_cast<size_t>(width) * 3, height);
    return apply_orientation(std::move(image), turned);
  }
  std::vector<uint8_t> rgba(static_cast<size_t>(width) * height * 4);
  read_rows(*reader, rgba.data(), static_cast<size_t>(width) * 4, height);
  return apply_orientation(flatten(rgba, width, height), turned);
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
