#include "data/store/tar_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr size_t kTarBlock = 512, kNameBytes = 100, kPrefixBytes = 155;

// ustar splits a long name at a '/': {prefix, name}.
std::optional<std::pair<std::string_view, std::string_view>> split_name(std::string_view name) {
  if (name.empty() || name.front() == '/') return std::nullopt;
  if (name.size() <= kNameBytes) return std::pair{std::string_view(), name};
  for (size_t at = name.find('/'); at != std::string_view::npos && at <= kPrefixBytes; at = name.find('/', at + 1))
    if (name.size() - at - 1 <= kNameBytes && at + 1 < name.size())
      return std::pair{name.substr(0, at), name.substr(at + 1)};
  return std::nullopt;
}

std::array<char, kTarBlock> header(std::string_view prefix, std::string_view name, uint64_t size) {
  std::array<char, kTarBlock> h{};
  const auto octal = [&](size_t at, int digits, uint64_t value) {
    std::snprintf(h.data() + at, static_cast<size_t>(digits) + 1, "%0*llo", digits,
                  static_cast<unsigned long long>(value));
  };
  std::copy(name.begin(), name.end(), h.begin());
  octal(100, 7, 0644);  // mode
  octal(108, 7, 0);     // owner
  octal(116, 7, 0);     // group
  octal(124, 11, size);
  octal(136, 11, 0);  // time
  h[156] = '0';       // a regular file
  std::memcpy(h.data() + 257,
              "ustar\0"
              "00",
              8);
  std::copy(prefix.begin(), prefix.end(), h.begin() + 345);  // often empty, and of nowhere: no memcpy
  std::memset(h.data() + 148, ' ', 8);                       // the checksum counts its own field as blanks
  unsigned sum = 0;
  for (const char c : h) sum += static_cast<unsigned char>(c);
  std::snprintf(h.data() + 148, 8, "%06o", sum);
  h[155] = ' ';
  return h;
}

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error("cannot write " + path.string() + ": " + std::strerror(errno), "check free space and permissions");
}

}  // namespace

TarWriter::TarWriter(std::filesystem::path target, uint64_t resume_size)
    : target_(std::move(target)), partial_(target_.string() + ".partial") {
  fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (resume_size ? 0 : O_TRUNC), 0644);
  if (fd_ < 0) fail(partial_);
  if (resume_size == 0) return;
  const off_t have = ::lseek(fd_, 0, SEEK_END);
  if (have < 0 || static_cast<uint64_t>(have) < resume_size) {
    ::close(fd_);
    throw Error(partial_.string() + " is shorter than the journal says", "start again with an empty --out folder");
  }
  if (::ftruncate(fd_, static_cast<off_t>(resume_size)) != 0 ||
      ::lseek(fd_, static_cast<off_t>(resume_size), SEEK_SET) < 0) {
    ::close(fd_);
    fail(partial_);
  }
  size_ = resume_size;
}

TarWriter::~TarWriter() {
  if (fd_ >= 0) ::close(fd_);
}

bool TarWriter::fits(std::string_view name) { return split_name(name).has_value(); }

void TarWriter::add(std::string_view name, std::span<const std::byte> bytes) {
  const auto parts = split_name(name);
  if (!parts) throw InternalError("tar member name too long: " + std::string(name));
  constexpr uint64_t kLargest = 077777777777;  // eleven octal digits
  if (bytes.size() > kLargest)
    throw Error("a member of " + target_.string() + " exceeds 8 GiB", "store smaller pictures");
  const auto head = header(parts->first, parts->second, bytes.size());
  write_all(std::as_bytes(std::span(head)));
  write_all(bytes);
  static constexpr std::array<std::byte, kTarBlock> kZeros{};
  if (const size_t rest = bytes.size() % kTarBlock) write_all(std::span(kZeros).first(kTarBlock - rest));
}

void TarWriter::sync() {
  if (::fsync(fd_) != 0) fail(partial_);
}

void TarWriter::finish() {
  static constexpr std::array<std::byte, 2 * kTarBlock> kEnd{};
  write_all(kEnd);
  sync();
  ::close(std::exchange(fd_, -1));
  if (std::rename(partial_.c_str(), target_.c_str()) != 0) fail(target_);
}

void TarWriter::write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(partial_);
    size_ += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

}  // namespace fsfm
