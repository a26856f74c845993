// The first frame of a GIF, through giflib.
#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "media/codec_formats.h"

namespace fsfm::codec_detail {
namespace {

struct Input {
  const Source& source;
  size_t position = 0;
};

int read_bytes(GifFileType* gif, GifByteType* out, int size) {
  auto* input = static_cast<Input*>(gif->UserData);
  const size_t count = std::min(input->source.size() - input->position, static_cast<size_t>(std::max(size, 0)));
  if (count > 0) std::memcpy(out, input->source.data() + input->position, count);
  input->position += count;
  return static_cast<int>(count);
}

[[noreturn]] void fail(const Source& source, int error) {
  if (error == D_GIF_ERR_READ_FAILED || error == D_GIF_ERR_EOF_TOO_SOON) source.truncated();
  const char* message = GifErrorString(error);
  source.damaged(message ? message : "the GIF data cannot be decoded");
}

struct Close {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

// Goes on to the next frame; false at the end of the file. `transparent` becomes the index that its extensions name.
bool next_frame(GifFileType* gif, int& transparent) {
  for (;;) {
    GifRecordType type;
    if (DGifGetRecordType(gif, &type) == GIF_ERROR || type == TERMINATE_RECORD_TYPE) return false;
    if (type == IMAGE_DESC_RECORD_TYPE) return true;
    if (type != EXTENSION_RECORD_TYPE) return false;
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif, &code, &block) == GIF_ERROR) return false;
    while (block) {
      GraphicsControlBlock control;
      if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
        transparent = control.TransparentColor;
      if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) return false;
    }
  }
}

// Row number y of an interlaced frame's data is row rows[y] of the frame.
std::vector<int> row_order(int height, bool interlaced) {
  struct Pass {
    int first, step;
  };
  std::vector<int> rows;
  for (const Pass& pass : interlaced ? std::vector<Pass>{{0, 8}, {4, 8}, {2, 4}, {1, 2}} : std::vector<Pass>{{0, 1}})
    for (int y = pass.first; y < height; y += pass.step) rows.push_back(y);
  return rows;
}

}  // namespace

Image decode_gif(const Source& source) {
  Input input{source};
  int error = 0;
  const std::unique_ptr<GifFileType, Close> gif(DGifOpen(&input, read_bytes, &error));
  if (!gif) fail(source, error);
  int transparent = NO_TRANSPARENT_COLOR;
  if (!next_frame(gif.get(), transparent)) {
    if (input.position >= source.size()) source.truncated();
    source.damaged("it holds no frame");
  }
  if (DGifGetImageDesc(gif.get()) == GIF_ERROR) fail(source, gif->Error);
  const GifImageDesc frame = gif->Image;
  const int width = std::max(gif->SWidth, frame.Left + frame.Width),
            height = std::max(gif->SHeight, frame.Top + frame.Height);
  source.check_size(width, height);
  source.check_size(frame.Width, frame.Height);
  const ColorMapObject* colors = frame.ColorMap ? frame.ColorMap : gif->SColorMap;
  if (!colors) source.damaged("it has no palette");
  Image image(frame.Width, frame.Height);
  std::vector<GifPixelType> line(static_cast<size_t>(frame.Width));
  const std::vector<int> rows = row_order(frame.Height, frame.Interlace);
  for (const int y : rows) {
    const bool last = y == rows.back();
    // Behind its last pixel giflib looks for the end of the data, and may find that the file ends there.
    const int whole = frame.Width - (last ? 1 : 0);
    if (whole > 0 && DGifGetLine(gif.get(), line.data(), whole) == GIF_ERROR) fail(source, gif->Error);
    if (last && DGifGetLine(gif.get(), &line[static_cast<size_t>(whole)], 1) == GIF_ERROR &&
        input.position < source.size())
      fail(source, gif->Error);
    for (int x = 0; x < frame.Width; ++x) {
      uint8_t* out = image.row(y) + x * 3;
      const int index = line[static_cast<size_t>(x)];
      if (index == transparent) {
        std::fill_n(out, 3, 255);
        continue;
      }
      if (index >= colors->ColorCount) source.damaged("a pixel outside the palette");
      const GifColorType& color = colors->Colors[index];
      out[0] = color.Red;
      out[1] = color.Green;
      out[2] = color.Blue;
    }
  }
  if (next_frame(gif.get(), transparent)) source.say(kAnimated);
  return on_canvas(std::move(image), frame.Left, frame.Top, width, height);
}

}  // namespace fsfm::codec_detail
