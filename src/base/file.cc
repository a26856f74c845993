#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"

namespace fsfm {
namespace {

[[noreturn]] void fail(const std::string& verb, const fs::path& path) {
  const int code = errno;
  std::string hint;
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) hint = "free some space or choose another folder";
  if (code == EACCES || code == EROFS) hint = "check the permissions";
  if (code == ENOENT) hint = "check the path";
  throw Error("cannot " + verb + " " + path.string() + ": " + std::strerror(code), hint, code);
}

bool has_extension(const fs::path& path, std::span<const std::string_view> extensions) {
  std::string ext = path.extension().string();
  std::transform(ext.begin(), ext.end(), ext.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(extensions.begin(), extensions.end(), ext) != extensions.end();
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

[[noreturn]] void fail_listing(const fs::path& folder, const std::error_code& code) {
  throw Error("cannot list " + folder.string() + ": " + code.message(), "check the permissions", code.value());
}

using FolderId = std::pair<dev_t, ino_t>;

// Goes down into `folder`; `above` are the folders on the way to it, so that a link back to one of them is seen.
void append_files(const fs::path& folder, const std::function<bool(const fs::path&)>& keep,
                  std::vector<FolderId>& above, std::vector<fs::path>& files) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) fail("list", folder);
  const FolderId id{info.st_dev, info.st_ino};
  if (std::find(above.begin(), above.end(), id) != above.end())
    throw Error(folder.string() + " is a link to a folder that it lies in", "remove the link");
  above.push_back(id);
  std::error_code code, ignored;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    // lost+found is the file system's own and closed to users.
    if (is_hidden(entry->path()) || entry->path().filename() == "lost+found") continue;
    if (entry->is_directory(ignored))
      append_files(entry->path(), keep, above, files);
    else if (entry->is_regular_file(ignored) && keep(entry->path()))
      files.push_back(entry->path());
  }
  if (code) fail_listing(folder, code);
  above.pop_back();
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  static std::atomic<uint64_t> counter{0};
  if (fs::is_directory(target_)) throw Error("cannot write " + target_.string() + ": it is a folder", "name a file");
  std::error_code code;
  // A device or a pipe is written to as it is: a rename would put a plain file in its place.
  if (const auto status = fs::status(target_, code); fs::exists(status) && !fs::is_regular_file(status)) {
    fd_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd_ < 0) fail("write", target_);
    return;
  }
  temporary_ = target_.parent_path() /
               ("." + target_.filename().string() + "." + std::to_string(::getpid()) + "." + std::to_string(counter++) + ".tmp");
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd_ < 0) fail("write", target_);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), std::min<size_t>(bytes.size(), size_t{1} << 30));
    if (n < 0) {
      if (errno == EINTR) continue;
      fail("write", target_);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
    size_ += static_cast<uint64_t>(n);
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::commit() {
  if (temporary_.empty()) {
    if (::close(std::exchange(fd_, -1)) != 0) fail("write", target_);
    return;
  }
  if (::fsync(fd_) != 0) fail("write", target_);
  if (::close(std::exchange(fd_, -1)) != 0 || ::rename(temporary_.c_str(), target_.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    errno = code;
    fail("write", target_);
  }
}

void write_file_atomic(const fs::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomic(const fs::path& path, std::string_view text) {
  write_file_atomic(path, std::as_bytes(std::span(text.data(), text.size())));
}

std::string read_file(const fs::path& path, uint64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("read", path);
  std::string text;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int code = errno;
      ::close(fd);
      errno = code;
      fail("read", path);
    }
    if (n == 0) break;
    text.append(buffer.data(), static_cast<size_t>(n));
    if (text.size() > max_bytes) {
      ::close(fd);
      throw Error(path.string() + " is larger than " + std::to_string(max_bytes) + " bytes", "is it the right file?");
    }
  }
  ::close(fd);
  return text;
}

MappedFile::MappedFile(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("read", path);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Error("cannot read " + path.string() + ": not a regular file", "name a file");
  }
  size_ = static_cast<size_t>(info.st_size);
  if (size_ > 0) {
    void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      ::close(fd);
      fail("map", path);
    }
    data_ = static_cast<const std::byte*>(map);
  }
  ::close(fd);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

std::vector<fs::path> list_files(const fs::path& folder, const std::function<bool(const fs::path&)>& keep) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) throw Error(folder.string() + " is not a folder", "check the path");
  std::vector<fs::path> files;
  std::vector<FolderId> above;
  append_files(folder, keep, above, files);
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> subfolders(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code code, ignored;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    if (!is_hidden(entry->path()) && entry->is_directory(ignored)) folders.push_back(entry->path());
  if (code && code != std::errc::no_such_file_or_directory && code != std::errc::not_a_directory)
    fail_listing(folder, code);
  std::sort(folders.begin(), folders.end());
  return folders;
}

bool is_image_path(const fs::path& path) {
  static constexpr std::array<std::string_view, 11> kExtensions = {".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp",
                                                                   ".tif", ".tiff", ".ppm",  ".pgm", ".pnm"};
  return has_extension(path, kExtensions);
}

bool is_unsupported_image_path(const fs::path& path) {
  static constexpr std::array<std::string_view, 7> kExtensions = {".heic", ".heif", ".avif", ".gif",
                                                                  ".jxl",  ".jp2",  ".dng"};
  return has_extension(path, kExtensions);
}

bool is_video_path(const fs::path& path) {
  static constexpr std::array<std::string_view, 17> kExtensions = {".mp4",  ".m4v", ".mov",  ".3gp", ".avi", ".mkv",
                                                                   ".webm", ".mpg", ".mpeg", ".ts",  ".mts", ".m2ts",
                                                                   ".flv",  ".wmv", ".asf",  ".ogv", ".vob"};
  return has_extension(path, kExtensions);
}

}  // namespace fsfm
