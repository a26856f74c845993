// What a file is, told by its first bytes: names deceive, and a wrong file has to be named by what it holds.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace fsfm {

enum class ContentKind {
  unknown,
  empty,
  // pictures that media/codec reads
  jpeg,
  png,
  webp,
  bmp,
  tiff,
  pnm,
  gif,
  heic,
  avif,
  // pictures and drawings that nothing here reads
  jpeg_xl,
  jpeg_2000,
  jpeg_ls,
  camera_raw,
  photoshop,
  svg,
  icon,
  openexr,
  pdf,
  // moving pictures and sound
  video,
  audio,
  // what comes in place of a file
  web_page,
  lfs_pointer,
  xml,
  text,
  // what files are packed in
  zip,
  gzip,
  bzip2,
  xz,
  zstd,
  seven_zip,
  rar,
  tar,
};

// So many first bytes tell every kind; fewer (a short file) are enough too.
inline constexpr size_t kContentBytes = 512;

// From the first bytes of a file (more are not looked at).
ContentKind content_kind(std::span<const std::byte> first_bytes);
// Reads the first bytes; nullopt when the file cannot be read or is no regular file. Never waits (pipes).
std::optional<ContentKind> content_kind_of_file(const std::filesystem::path& path);

// With its article: "a HEIC picture", "a web page". "a file of unknown kind" for unknown.
std::string content_name(ContentKind kind);
// What to do with such a file where a picture, a video or a model was expected ("" when there is nothing to say):
// "convert it to JPEG", "download the file itself again", "run git lfs pull".
std::string content_way_out(ContentKind kind);

bool is_readable_picture(ContentKind kind);
// Holds pictures but cannot be read: other picture forms, PDF, archives.
bool is_unread_input(ContentKind kind);

}  // namespace fsfm
