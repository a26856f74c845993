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

namespace fsfm {

namespace fs = std::filesystem;

// Writes beside the target (same folder, hidden temporary name), then fsync + rename in commit(). Without commit() the
// destructor removes the temporary: an interrupted or failed write leaves the old file untouched.
// Throws Error on any failure (no space, no permission, ...), naming the file. Devices and pipes are written in place.
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
  fs::path target_, temporary_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

void write_file_atomic(const fs::path& path, std::span<const std::byte> bytes);
void write_file_atomic(const fs::path& path, std::string_view text);

// Whole file as text; throws Error if missing, unreadable or larger than `max_bytes`.
std::string read_file(const fs::path& path, uint64_t max_bytes = uint64_t{1} << 30);

// Read-only memory map of a whole file. Movable. Throws Error if the file cannot be opened or is a folder.
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
// are skipped; links are followed. Throws Error for a folder that cannot be listed and for a link to a folder that it
// lies in.
std::vector<fs::path> list_files(const fs::path& folder, const std::function<bool(const fs::path&)>& keep);
// Direct sub-folders, sorted, hidden ones left out; empty when `folder` is missing. Throws Error when it cannot be
// listed.
std::vector<fs::path> subfolders(const fs::path& folder);
// By extension alone: what media/codec and media/video read. base/media_kind.h looks into the file.
// jpg jpeg jpe jfif png apng bmp dib webp tif tiff ppm pgm pbm pnm gif heic heif hif avif
bool is_image_path(const fs::path& path);
// mp4 m4v mov 3gp avi mkv webm mpg mpeg vob ts mts m2ts flv wmv asf ogv
bool is_video_path(const fs::path& path);

}  // namespace fsfm
