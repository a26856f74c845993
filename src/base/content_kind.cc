#include "base/content_kind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string_view>

namespace fsfm {
namespace {

using namespace std::string_view_literals;
using Kind = ContentKind;

struct Magic {
  size_t offset;
  std::string_view bytes;
  Kind kind;
  std::string_view begin = {};  // what the file begins with besides
};

// Kinds that a few fixed bytes tell. Those that need a second look have a function below.
constexpr Magic kMagics[] = {
    {0, "\xFF\xD8\xFF\xF7"sv, Kind::jpeg_ls},
    {0, "\xFF\xD8\xFF"sv, Kind::jpeg},
    {0, "\x89PNG\r\n\x1A\n"sv, Kind::png},
    {8, "WEBP"sv, Kind::webp, "RIFF"sv},
    {0, "GIF87a"sv, Kind::gif},
    {0, "GIF89a"sv, Kind::gif},
    {8, "CR\x02"sv, Kind::camera_raw, "II*\0"sv},  // Canon's CR2; before TIFF
    {0, "IIRO"sv, Kind::camera_raw},
    {0, "IIRS"sv, Kind::camera_raw},
    {0, "MMOR"sv, Kind::camera_raw},
    {0, "IIU\0"sv, Kind::camera_raw},
    {0, "FUJIFILMCCD-RAW"sv, Kind::camera_raw},
    {0, "II*\0"sv, Kind::tiff},
    {0, "MM\0*"sv, Kind::tiff},
    {0, "II+\0"sv, Kind::tiff},
    {0, "MM\0+"sv, Kind::tiff},
    {0, "\xFF\x0A"sv, Kind::jpeg_xl},
    {0, "\0\0\0\x0CJXL \r\n\x87\n"sv, Kind::jpeg_xl},
    {0, "\0\0\0\x0CjP  \r\n\x87\n"sv, Kind::jpeg_2000},
    {0, "\xFF\x4F\xFF\x51"sv, Kind::jpeg_2000},
    {0, "8BPS"sv, Kind::photoshop},
    {0, "\0\0\1\0"sv, Kind::icon},
    {0, "v/1\1"sv, Kind::openexr},
    {0, "%PDF-"sv, Kind::pdf},
    {8, "AVI "sv, Kind::video, "RIFF"sv},
    {0, "\x1A\x45\xDF\xA3"sv, Kind::video},  // Matroska, WebM
    {0, "\0\0\1\xBA"sv, Kind::video},        // MPEG program stream
    {0, "\0\0\1\xB3"sv, Kind::video},        // MPEG video
    {0, "FLV\1"sv, Kind::video},
    {0, "YUV4MPEG2 "sv, Kind::video},
    {0, "DKIF"sv, Kind::video},                              // IVF
    {0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11"sv, Kind::video},  // ASF, WMV
    {8, "WAVE"sv, Kind::audio, "RIFF"sv},
    {0, "ID3"sv, Kind::audio},
    {0, "fLaC"sv, Kind::audio},
    {0, "version https://git-lfs.github.com/spec/"sv, Kind::lfs_pointer},
    {0, "PK\3\4"sv, Kind::zip},
    {0, "PK\5\6"sv, Kind::zip},
    {0, "\x1F\x8B\x08"sv, Kind::gzip},
    {0, "BZh"sv, Kind::bzip2},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     Kind::xz},
    {0, "\x28\xB5\x2F\xFD"sv, Kind::zstd},
    {0, "7z\xBC\xAF\x27\x1C"sv, Kind::seven_zip},
    {0, "Rar!\x1A\x07"sv, Kind::rar},
    {257, "ustar"sv, Kind::tar},
};

bool holds(std::string_view bytes, size_t offset, std::string_view part) {
  return bytes.size() >= offset + part.size() && bytes.substr(offset, part.size()) == part;
}

// Two letters are no proof: the header behind them must have a size that exists.
bool is_bmp(std::string_view bytes) {
  if (!bytes.starts_with("BM") || bytes.size() < 18) return false;
  constexpr std::array<uint8_t, 8> kHeaderSizes = {12, 16, 40, 52, 56, 64, 108, 124};
  return std::find(kHeaderSizes.begin(), kHeaderSizes.end(), static_cast<uint8_t>(bytes[14])) != kHeaderSizes.end() &&
         bytes.substr(15, 3) == "\0\0\0"sv;
}

bool is_pnm(std::string_view bytes) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         std::isspace(static_cast<unsigned char>(bytes[2])) &&
         (std::isdigit(static_cast<unsigned char>(bytes[3])) || std::isspace(static_cast<unsigned char>(bytes[3])) ||
          bytes[3] == '#');
}

// ISO media: [length]["ftyp"][brand][version][other brands]; QuickTime of old begins with another box.
Kind iso_media(std::string_view bytes) {
  if (bytes.size() < 12) return Kind::unknown;
  const std::string_view box = bytes.substr(4, 4);
  // "moov", "mdat" and the like are letters that a text may hold too: a box has a length, and its first byte is small.
  const bool is_box = static_cast<uint8_t>(bytes[0]) < 0x20;
  for (const std::string_view name : {"moov", "mdat", "wide", "skip", "free", "pnot"})
    if (box == name && is_box) return Kind::video;
  if (box != "ftyp") return Kind::unknown;
  const auto length = static_cast<size_t>(static_cast<uint8_t>(bytes[2]) << 8 | static_cast<uint8_t>(bytes[3]));
  const std::string_view main = bytes.substr(8, 4);
  if (main == "crx ") return Kind::camera_raw;
  if (main == "jxl ") return Kind::jpeg_xl;
  if (main == "M4A " || main == "M4B " || main == "F4A ") return Kind::audio;
  bool hevc = false, some_picture = false;
  for (size_t at = 8; at + 4 <= std::min(length, bytes.size()); at += at == 8 ? 8 : 4) {
    const std::string_view brand = bytes.substr(at, 4);
    if (brand == "avif" || brand == "avis") return Kind::avif;
    hevc |= brand == "heic" || brand == "heix" || brand == "heim" || brand == "heis" || brand == "hevc" ||
            brand == "hevx" || brand == "hevm" || brand == "hevs";
    some_picture |= brand == "mif1" || brand == "mif2" || brand == "msf1";
  }
  return hevc || some_picture ? Kind::heic : Kind::video;
}

// 188 (or, with a time stamp before it, 192) bytes a packet, each beginning with 'G'.
bool is_transport_stream(std::string_view bytes) {
  const auto repeats = [&](size_t first, size_t step) {
    return bytes.size() > first + 2 * step && bytes[first] == 'G' && bytes[first + step] == 'G' &&
           bytes[first + 2 * step] == 'G';
  };
  return repeats(0, 188) || repeats(4, 192);
}

bool begins_as(std::string_view text, std::string_view tag) {
  return text.size() >= tag.size() && std::equal(tag.begin(), tag.end(), text.begin(), [](char a, char b) {
           return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b)));
         });
}

// Text of any 8-bit encoding or UTF-8: no control characters but white space.
Kind text_kind(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const auto is_control = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && !std::isspace(u) && u != 0x1B) || u == 0x7F;
  };
  if (std::any_of(bytes.begin(), bytes.end(), is_control)) return Kind::unknown;
  // Latin-1 beyond ASCII is rare in texts: mostly such bytes means that chance has left out the control characters.
  const auto high =
      std::count_if(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  std::string_view start = bytes;
  while (!start.empty() && std::isspace(static_cast<unsigned char>(start.front()))) start.remove_prefix(1);
  for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<script", "<title"})
    if (begins_as(start, tag)) return Kind::web_page;
  if (begins_as(start, "<svg")) return Kind::svg;
  if (begins_as(start, "<?xml") || begins_as(start, "<!--") || begins_as(start, "<!doctype")) {
    if (start.find("<svg") != start.npos || start.find("<!DOCTYPE svg") != start.npos) return Kind::svg;
    if (start.find("<html") != start.npos || start.find("<!DOCTYPE html") != start.npos) return Kind::web_page;
    return Kind::xml;
  }
  return static_cast<size_t>(high) * 4 <= bytes.size() * 3 ? Kind::text : Kind::unknown;
}

enum class Use { none, picture, unread };

struct About {
  const char* name;
  const char* way_out;
  Use use = Use::none;
};

constexpr const char *kToJpeg = "convert it to JPEG", *kUnpack = "unpack it first",
                     *kAgain = "download the file itself again: an error or a login page came in its place";

About about(Kind kind) {
  switch (kind) {
    case Kind::unknown:
      return {"a file of unknown kind", ""};
    case Kind::empty:
      return {"an empty file", "copy or download the file again"};
    case Kind::jpeg:
      return {"a JPEG picture", "", Use::picture};
    case Kind::png:
      return {"a PNG picture", "", Use::picture};
    case Kind::webp:
      return {"a WebP picture", "", Use::picture};
    case Kind::bmp:
      return {"a BMP picture", "", Use::picture};
    case Kind::tiff:
      return {"a TIFF picture", "", Use::picture};
    case Kind::pnm:
      return {"a PPM picture", "", Use::picture};
    case Kind::gif:
      return {"a GIF picture", "", Use::picture};
    case Kind::heic:
      return {"a HEIC picture", "", Use::picture};
    case Kind::avif:
      return {"an AVIF picture", "", Use::picture};
    case Kind::jpeg_xl:
      return {"a JPEG XL picture", kToJpeg, Use::unread};
    case Kind::jpeg_2000:
      return {"a JPEG 2000 picture", kToJpeg, Use::unread};
    case Kind::jpeg_ls:
      return {"a JPEG-LS picture", "convert it to PNG or JPEG", Use::unread};
    case Kind::camera_raw:
      return {"a raw camera picture", "develop it to JPEG", Use::unread};
    case Kind::photoshop:
      return {"a Photoshop document", "export it as JPEG or PNG", Use::unread};
    case Kind::svg:
      return {"an SVG drawing", "export it as PNG", Use::unread};
    case Kind::icon:
      return {"an icon file", "convert it to PNG", Use::unread};
    case Kind::openexr:
      return {"an OpenEXR picture", "convert it to PNG or JPEG", Use::unread};
    case Kind::pdf:
      return {"a PDF document", "export its pictures as JPEG (pdfimages -all)", Use::unread};
    case Kind::video:
      return {"a video", ""};
    case Kind::audio:
      return {"a sound file", ""};
    case Kind::web_page:
      return {"a web page", kAgain};
    case Kind::lfs_pointer:
      return {"a git-lfs pointer, not the file it stands for", "run git lfs pull"};
    case Kind::xml:
      return {"an XML text", kAgain};
    case Kind::text:
      return {"a text file", "check the path, or download the file again"};
    case Kind::zip:
      return {"a ZIP archive", kUnpack, Use::unread};
    case Kind::gzip:
      return {"a gzip archive", kUnpack, Use::unread};
    case Kind::bzip2:
      return {"a bzip2 archive", kUnpack, Use::unread};
    case Kind::xz:
      return {"an xz archive", kUnpack, Use::unread};
    case Kind::zstd:
      return {"a zstd archive", kUnpack, Use::unread};
    case Kind::seven_zip:
      return {"a 7z archive", kUnpack, Use::unread};
    case Kind::rar:
      return {"a RAR archive", kUnpack, Use::unread};
    case Kind::tar:
      return {"a tar archive", kUnpack, Use::unread};
  }
  return {"a file of unknown kind", ""};
}

}  // namespace

ContentKind content_kind(std::span<const std::byte> first_bytes) {
  const std::string_view bytes(reinterpret_cast<const char*>(first_bytes.data()),
                               std::min(first_bytes.size(), kContentBytes));
  if (bytes.empty()) return Kind::empty;
  for (const Magic& magic : kMagics)
    if (holds(bytes, magic.offset, magic.bytes) && bytes.starts_with(magic.begin)) return magic.kind;
  if (bytes.starts_with("OggS")) return bytes.find("theora") != bytes.npos ? Kind::video : Kind::audio;
  if (is_bmp(bytes)) return Kind::bmp;
  if (is_pnm(bytes)) return Kind::pnm;
  if (const Kind kind = iso_media(bytes); kind != Kind::unknown) return kind;
  if (is_transport_stream(bytes)) return Kind::video;
  return text_kind(bytes);
}

std::optional<ContentKind> content_kind_of_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::array<std::byte, kContentBytes> buffer;
  size_t size = 0;
  struct stat info {};
  bool good = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  while (good && size < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + size, buffer.size() - size);
    if (n < 0 && errno == EINTR) continue;
    good = n >= 0;
    if (n <= 0) break;
    size += static_cast<size_t>(n);
  }
  ::close(fd);
  if (!good) return std::nullopt;
  return content_kind(std::span(buffer).first(size));
}

std::string content_name(ContentKind kind) { return about(kind).name; }
std::string content_way_out(ContentKind kind) { return about(kind).way_out; }
bool is_readable_picture(ContentKind kind) { return about(kind).use == Use::picture; }
bool is_unread_input(ContentKind kind) { return about(kind).use == Use::unread; }

}  // namespace fsfm
