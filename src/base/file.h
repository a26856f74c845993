// Files that appear whole or not at all, and small file helpers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fsfm {

namespace fs = std::filesystem;

// What lies at a path, links followed. Nothing at all (or a name too long to exist) is "no"; a path that cannot be
// looked at (no permission, a loop of links) is an Error that names it, never a silent "no".
bool path_exists(const fs::path& path);
bool is_folder(const fs::path& path);
bool is_plain_file(const fs::path& path);
// Makes the folder and those above it; one that is there already is fine. Throws Error naming it.
void make_folders(const fs::path& folder);
// Everything directly in `folder`, sorted, hidden entries too. Throws Error when it cannot be listed.
std::vector<fs::path> folder_entries(const fs::path& folder);
// Absolute, without "." and ".."; links stay. Throws Error when the folder the program runs in is gone.
fs::path absolute_path(const fs::path& path);

// Writes beside the target (same folder, hidden temporary name), then fsync + rename in commit(). Without commit() the
// destructor removes the temporary: an interrupted or failed write leaves the old file untouched.
// A link stays a link: the file it leads to is replaced, or made. A file that is there keeps its mode, and one that is
// write-protected is not replaced. Devices and pipes are written in place, /dev/stdout through the open descriptor.
// Throws Error on any failure (no space, no permission, ...), naming the file. Thread-compatible.
class AtomicFile {
 public:
  explicit AtomicFile(fs::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  uint64_t size() const { return size_; }
  void commit();

 private:
  fs::path target_;     // as the caller named it
  fs::path real_;       // where it lies, links followed
  fs::path temporary_;  // empty when written in place
  int fd_ = -1;
  uint64_t size_ = 0;
};

void write_file_atomic(const fs::path& path, std::span<const std::byte> bytes);
void write_file_atomic(const fs::path& path, std::string_view text);

// Whole file as text; throws Error if missing, unreadable or larger than `max_bytes`.
std::string read_file(const fs::path& path, uint64_t max_bytes = uint64_t{1} << 30);

// Read-only memory map of a whole file. Movable, thread-safe. Throws Error if it is a folder or cannot be opened.
class MappedFile {
 public:
  explicit MappedFile(const fs::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Files below `folder` (recursive, sorted by path) for which `keep` says yes. Hidden files and folders and `._*` junk
// are skipped; links are followed. A folder that cannot be listed, or a link to a folder that it lies in, is told to
// `on_problem` and passed over, and so is a picture or video that is a link to nothing; without `on_problem` the first
// two throw Error.
using ListProblem = std::function<void(const fs::path& path, const Error& problem)>;
std::vector<fs::path> list_files(const fs::path& folder, const std::function<bool(const fs::path&)>& keep,
                                 const ListProblem& on_problem = {});
// Direct sub-folders, sorted, hidden ones left out; empty when `folder` is missing. Throws Error when it cannot be
// listed.
std::vector<fs::path> subfolders(const fs::path& folder);
// By extension alone: what media/codec and media/video read. base/media_kind.h looks into the file.
// jpg jpeg jpe jfif png apng bmp dib webp tif tiff ppm pgm pbm pnm gif heic heif hif avif
bool is_image_path(const fs::path& path);
// mp4 m4v mov 3gp 3g2 avi divx mkv webm mpg mpeg mpe m2v vob ts mts m2ts flv wmv asf ogv ivf h264 hevc mxf y4m
bool is_video_path(const fs::path& path);

}  // namespace fsfm
