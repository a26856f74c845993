#include "server/content.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/hash.h"

namespace fsfm::server {

Content::Content(std::shared_ptr<ContentBudget> budget)
    : budget_(std::move(budget)), fd_(::memfd_create("fsfm-upload", MFD_CLOEXEC)) {
  if (fd_ < 0) throw Error(std::string("no memory for an upload: ") + std::strerror(errno), "", errno);
}

Content::~Content() {
  ::close(fd_);
  budget_->held -= size_;
}

bool Content::append(std::string_view bytes) {
  const auto more = static_cast<int64_t>(bytes.size());
  if ((budget_->held += more) > budget_->most) {
    budget_->held -= more;
    return false;
  }
  size_ += more;
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw Error(std::string("no memory for an upload: ") + std::strerror(errno), "", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string Content::head(size_t n) const {
  std::string bytes(n, '\0');
  const ssize_t got = ::pread(fd_, bytes.data(), n, 0);
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return bytes;
}

std::string Content::sha256() const {
  if (size_ == 0) return fsfm::sha256(std::string_view());
  void* bytes = ::mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_SHARED, fd_, 0);
  if (bytes == MAP_FAILED) throw Error(std::string("cannot read an upload: ") + std::strerror(errno), "", errno);
  std::string hash = fsfm::sha256(std::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size_)));
  ::munmap(bytes, static_cast<size_t>(size_));
  return hash;
}

}  // namespace fsfm::server
