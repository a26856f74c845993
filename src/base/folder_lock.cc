#include "base/folder_lock.h"

#include <fcntl.h>
#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace fsfm {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& folder, const std::string& why) {
  throw Error("cannot write to " + folder.string() + ": " + why, "check the permissions or choose another --out");
}

std::string own_description() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("process {} on {} since {:%Y-%m-%d %H:%M:%S} UTC", ::getpid(), host.data(),
                     fmt::gmtime(std::time(nullptr)));
}

// What the holder wrote, on one line.
std::string holder(int fd) {
  std::array<char, 512> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  std::string line = length > 0 ? std::string(text.data(), static_cast<size_t>(length)) : std::string();
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  line = trim(to_utf8(line));
  return line.empty() ? "another process" : line;
}

// Did somebody remove or replace the file between our open and our lock?
bool is_still(int fd, const fs::path& file) {
  struct stat opened {
  }, named{};
  return ::fstat(fd, &opened) == 0 && ::stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

FolderLock::FolderLock(fs::path folder, const std::string& name) : folder_(std::move(folder)), file_(folder_ / name) {
  std::error_code code;
  made_folder_ = fs::create_directories(folder_, code);
  if (code) fail(folder_, code.message());
  for (;;) {
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) fail(folder_, std::strerror(errno));
    while (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) break;  // a file system without locks
      const std::string who = holder(fd_);
      ::close(fd_);
      throw Error(folder_.string() + " is in use by " + who, "wait for it or end it, or choose another --out");
    }
    if (is_still(fd_, file_)) break;
    ::close(fd_);
  }
  const std::string text = own_description() + "\n";
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, text.data(), text.size(), 0) < 0) {
    const std::string why = std::strerror(errno);
    ::close(fd_);
    fail(folder_, why);
  }
}

FolderLock::~FolderLock() {
  ::unlink(file_.c_str());  // while it is held: whoever opened it meanwhile sees that it is gone and makes a new one
  ::close(fd_);
  if (made_folder_) ::rmdir(folder_.c_str());  // only if empty
}

void remove_half_written(const fs::path& folder, const std::string& prefix) {
  std::error_code code, ignored;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("." + prefix) && name.ends_with(".tmp")) found.push_back(entry->path());
  }
  for (const auto& path : found) fs::remove(path, ignored);
}

}  // namespace fsfm
