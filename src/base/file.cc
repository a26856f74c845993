#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

namespace fsfm {
namespace {

[[noreturn]] void fail(const std::string& verb, const fs::path& path, int code = errno) {
  std::string hint;
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) hint = "free some space or choose another folder";
  if (code == EACCES || code == EPERM || code == EROFS) hint = "check the permissions";
  if (code == ENOENT || code == ENOTDIR) hint = "check the path";
  if (code == ENAMETOOLONG) hint = "give it a shorter name";
  if (code == ELOOP) hint = "remove the link that leads back to itself";
  if (code == EBUSY) hint = "something is mounted there; choose another place";
  throw Error("cannot " + verb + " " + path.string() + ": " + std::strerror(code), hint, code);
}

// The mode of what lies at `path`, links followed; 0 when there is nothing.
mode_t kind_at(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return info.st_mode & S_IFMT;
  if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return 0;
  fail("look at", path);
}

bool has_extension(const fs::path& path, std::span<const std::string_view> extensions) {
  std::string ext = path.extension().string();
  std::transform(ext.begin(), ext.end(), ext.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::find(extensions.begin(), extensions.end(), ext) != extensions.end();
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

[[noreturn]] void fail_listing(const fs::path& folder, const std::error_code& code) {
  fail("list", folder, code.value());
}

using FolderId = std::pair<dev_t, ino_t>;

class Lister {
 public:
  Lister(const std::function<bool(const fs::path&)>& keep, const ListProblem& on_problem)
      : keep_(keep), on_problem_(on_problem) {}

  std::vector<fs::path> list(const fs::path& folder) {
    down(folder);
    std::sort(files_.begin(), files_.end());
    return std::move(files_);
  }

 private:
  void down(const fs::path& folder) {
    const size_t depth = above_.size();
    try {
      read(folder);
    } catch (const Error& problem) {
      above_.resize(depth);
      if (!on_problem_) throw;
      on_problem_(folder, problem);
    }
  }

  void read(const fs::path& folder) {
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0) fail("list", folder);
    const FolderId id{info.st_dev, info.st_ino};
    if (std::find(above_.begin(), above_.end(), id) != above_.end())
      throw Error(folder.string() + " is a link to a folder that it lies in", "remove the link");
    above_.push_back(id);
    std::error_code code;
    for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
      // lost+found is the file system's own and closed to users.
      if (is_hidden(entry->path()) || entry->path().filename() == "lost+found") continue;
      std::error_code problem;
      const fs::file_status status = entry->status(problem);
      if (fs::is_directory(status))
        down(entry->path());
      else if (fs::is_regular_file(status) && keep_(entry->path()))
        files_.push_back(entry->path());
      else if (on_problem_ && !fs::exists(status) && (is_image_path(entry->path()) || is_video_path(entry->path())))
        on_problem_(entry->path(), Error("cannot read " + entry->path().string() + ": " +
                                             (problem ? problem.message() : std::string("the link leads to nothing")),
                                         "mend or remove the link"));
    }
    if (code) fail_listing(folder, code);
    above_.pop_back();
  }

  const std::function<bool(const fs::path&)>& keep_;
  const ListProblem& on_problem_;
  std::vector<FolderId> above_;  // the folders on the way down, so that a link back to one of them is seen
  std::vector<fs::path> files_;
};

// N of /dev/fd/N, /proc/self/fd/N and their like; -1 for any other path.
int descriptor_of(const fs::path& path) {
  const std::string folder = path.parent_path().string(), name = path.filename().string();
  const bool ours = folder == "/dev/fd" || folder == "/proc/self/fd" || folder == "/proc/thread-self/fd" ||
                    folder == "/proc/" + std::to_string(::getpid()) + "/fd";
  int number = -1;
  const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
  return ours && code == std::errc() && end == name.data() + name.size() ? number : -1;
}

// Where a write to `path` ends up: the last of a chain of links, there or not.
fs::path follow_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as the kernel
  fs::path here = path;
  for (int i = 0; i < kMostLinks; ++i) {
    if (descriptor_of(here) >= 0) return here;
    std::error_code code;
    const fs::path target = fs::read_symlink(here, code);
    if (code) return here;  // no link, or nothing there
    here = target.is_absolute() ? target : here.parent_path() / target;
  }
  fail("write", path, ELOOP);
}

std::string random_suffix() {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::array<unsigned char, 10> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    std::random_device device;
    for (auto& byte : bytes) byte = static_cast<unsigned char>(device());
  }
  std::string text;
  for (const unsigned char byte : bytes) text += kLetters[byte % kLetters.size()];
  return text;
}

// A new file beside `real`. The name is drawn, so that what a killed write left behind is never in the way: process
// numbers repeat in containers.
int open_beside(const fs::path& real, mode_t mode, fs::path& temporary) {
  constexpr size_t kLongestStem = 200;  // a name of 255 bytes has a temporary as well
  for (int attempt = 0;; ++attempt) {
    temporary =
        real.parent_path() / ("." + real.filename().string().substr(0, kLongestStem) + "." + random_suffix() + ".tmp");
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST || attempt == 100) return fd;
  }
}

// The name of a file is safe on the disk once its folder is.
void sync_folder_of(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // a folder may be written to and closed to readers
  ::fsync(fd);         // not every file system can; the data itself has been synced
  ::close(fd);
}

}  // namespace

bool path_exists(const fs::path& path) { return kind_at(path) != 0; }
bool is_folder(const fs::path& path) { return kind_at(path) == S_IFDIR; }
bool is_plain_file(const fs::path& path) { return kind_at(path) == S_IFREG; }

void make_folders(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code && code != std::errc::file_exists) fail("make the folder", folder, code.value());
  if (!is_folder(folder))
    throw Error("cannot make the folder " + folder.string() + ": something else has that name", "choose another one");
}

std::vector<fs::path> folder_entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    paths.push_back(entry->path());
  if (code) fail_listing(folder, code);
  std::sort(paths.begin(), paths.end());
  return paths;
}

fs::path absolute_path(const fs::path& path) {
  std::error_code code;
  const fs::path whole = fs::absolute(path, code);
  if (code) fail("find", path, code.value());
  return whole.lexically_normal();
}

AtomicFile::AtomicFile(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename())
    throw Error("cannot write '" + target_.string() + "': it is no file name", "name a file");
  real_ = follow_links(target_);
  if (const int open_already = descriptor_of(real_); open_already >= 0) {
    if (open_already == STDOUT_FILENO) std::fflush(stdout);  // what was printed before comes first
    fd_ = ::fcntl(open_already, F_DUPFD_CLOEXEC, 0);
    if (fd_ < 0) fail("write", target_);
    return;
  }
  struct stat old {};
  const bool exists = ::stat(real_.c_str(), &old) == 0;
  if (!exists && errno != ENOENT) fail("write", target_);
  if (exists && S_ISDIR(old.st_mode))
    throw Error("cannot write " + target_.string() + ": it is a folder", "name a file");
  if (exists && !S_ISREG(old.st_mode)) {  // a rename would put a plain file in its place
    fd_ = ::open(real_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd_ < 0) fail("write", target_);
    return;
  }
  // The folder would allow the replacement of a file that its owner has write-protected.
  if (exists && ::faccessat(AT_FDCWD, real_.c_str(), W_OK, AT_EACCESS) != 0) fail("write", target_);
  fd_ = open_beside(real_, exists ? 0600 : 0666, temporary_);
  if (fd_ < 0) fail("write", target_);
  if (exists) {
    // Only root can keep another owner; the bits that run a program as its owner are not passed on to new content.
    if (::fchown(fd_, old.st_uid, old.st_gid) != 0) errno = 0;
    if (::fchmod(fd_, old.st_mode & 0777) != 0) errno = 0;
  }
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
  if (::close(std::exchange(fd_, -1)) != 0 || ::rename(temporary_.c_str(), real_.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    fail("write", target_, code);
  }
  sync_folder_of(real_);
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
      fail("read", path, code);
    }
    if (n == 0) break;
    text.append(buffer.data(), static_cast<size_t>(n));
    if (text.size() > max_bytes) {
      ::close(fd);
      throw Error(ErrorCode::too_large, path.string() + " is larger than " + std::to_string(max_bytes) + " bytes",
                  "is it the right file?");
    }
  }
  ::close(fd);
  return text;
}

MappedFile::MappedFile(const fs::path& path) {
  // Non-blocking: a pipe without a writer is refused below instead of waited for.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
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
      const int code = errno;
      ::close(fd);
      fail("map", path, code);
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

std::vector<fs::path> list_files(const fs::path& folder, const std::function<bool(const fs::path&)>& keep,
                                 const ListProblem& on_problem) {
  if (!is_folder(folder)) throw Error(folder.string() + " is not a folder", "check the path");
  return Lister(keep, on_problem).list(folder);
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
  static constexpr std::array<std::string_view, 20> kExtensions = {
      ".jpg",  ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp",  ".dib",  ".webp", ".tif",
      ".tiff", ".ppm",  ".pgm", ".pbm",  ".pnm", ".gif",  ".heic", ".heif", ".hif",  ".avif"};
  return has_extension(path, kExtensions);
}

bool is_video_path(const fs::path& path) {
  static constexpr std::array<std::string_view, 29> kExtensions = {
      ".mp4",  ".m4v", ".mov",  ".3gp", ".3g2",  ".avi",  ".divx", ".mkv", ".webm", ".mpg",
      ".mpeg", ".mpe", ".m2v",  ".ts",  ".mts",  ".m2ts", ".flv",  ".wmv", ".asf",  ".ogv",
      ".vob",  ".ivf", ".h264", ".264", ".hevc", ".h265", ".265",  ".mxf", ".y4m"};
  return has_extension(path, kExtensions);
}

}  // namespace fsfm
