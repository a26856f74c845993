#include "prepare/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

std::string content_key(const std::string& split, const std::string& class_name, const std::string& content) {
  return split + "/" + class_name + "/" + content;
}

constexpr uint64_t kPart = 1 << 16, kLongestLine = 16 << 20;
constexpr const char* kStartAgain = "start again with an empty --out folder";

// Reads a file in parts at any place.
class Parts {
 public:
  Parts(int fd, const fs::path& file) : fd_(fd), file_(file) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) fail();
    size_ = static_cast<uint64_t>(info.st_size);
  }
  uint64_t size() const { return size_; }
  // The bytes [begin, begin + n).
  std::string read(uint64_t begin, uint64_t n) const {
    std::string text(n, '\0');
    for (size_t got = 0; got < text.size();) {
      const ssize_t r = ::pread(fd_, text.data() + got, text.size() - got, static_cast<off_t>(begin + got));
      if (r < 0 && errno == EINTR) continue;
      if (r <= 0) fail();
      got += static_cast<size_t>(r);
    }
    return text;
  }
  // Behind the last line break before `end`; 0 when there is none.
  uint64_t line_begin(uint64_t end) const {
    while (end > 0) {
      const uint64_t n = std::min(end, kPart);
      const std::string text = read(end - n, n);
      if (const size_t at = text.rfind('\n'); at != std::string::npos) return end - n + at + 1;
      end -= n;
    }
    return 0;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error("cannot read " + file_.string() + ": " + std::strerror(errno), "check the disk", errno);
  }
  int fd_;
  const fs::path& file_;
  uint64_t size_ = 0;
};

bool is_line(const nlohmann::json& line) {
  return line.is_object() && line.contains("key") && line.contains("input") && line.contains("outcome") &&
         line.contains("at");
}

}  // namespace

Journal::Journal(const fs::path& file, const std::function<bool(const nlohmann::json&)>& exists) : file_(file) {
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0)
    throw Error("cannot write " + file.string() + ": " + std::strerror(errno), "check the folder and its permissions");
  try {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
      throw Error(file.string() + " is in use by another fsfm prepare",
                  "wait for it, or share the work with --part i/n");
    read(exists);
  } catch (const nlohmann::json::exception& error) {
    ::close(fd_);
    throw Error(file.string() + ": " + error.what(), kStartAgain);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

void Journal::read(const std::function<bool(const nlohmann::json&)>& exists) {
  const Parts parts(fd_, file_);
  // From the end back to the last whole line whose output is on the disk.
  uint64_t keep = parts.line_begin(parts.size());
  while (keep > 0) {
    const uint64_t begin = parts.line_begin(keep - 1);
    if (keep - begin > kLongestLine) throw Error(file_.string() + ": its last line is damaged", kStartAgain);
    const nlohmann::json line = parse_json_or_discard(parts.read(begin, keep - begin));
    if (!is_line(line)) throw Error(file_.string() + ": its last line is damaged", kStartAgain);
    if (exists(line.at("at"))) break;
    keep = begin;
  }
  if (::ftruncate(fd_, static_cast<off_t>(keep)) != 0 || ::lseek(fd_, static_cast<off_t>(keep), SEEK_SET) < 0)
    throw Error("cannot write " + file_.string() + ": " + std::strerror(errno), "check free space and permissions");
  std::string text;
  size_t number = 0;
  for (uint64_t at = 0; at < keep;) {
    const uint64_t n = std::min(kPart, keep - at);
    text += parts.read(at, n);
    at += n;
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const nlohmann::json line = parse_json_or_discard(std::string_view(text).substr(begin, end - begin));
      ++number;
      if (!is_line(line)) throw Error(file_.string() + " line " + std::to_string(number) + " is damaged", kStartAgain);
      take(line);
    }
    text.erase(0, begin);
    if (text.size() > kLongestLine)
      throw Error(file_.string() + " line " + std::to_string(number + 1) + " is damaged", kStartAgain);
  }
  // What was not done then is pending now.
  account_.inputs.erase(outcome::kNotDone);
}

Journal::~Journal() { ::close(fd_); }

bool Journal::is_duplicate(const PrepareEntry& entry, const std::string& content) {
  return !content.empty() && !contents_.insert(content_key(entry.split, entry.class_name, content));
}

void Journal::append(const PrepareEntry& entry, const std::string& input, const InputResult& result,
                     const nlohmann::json& position) {
  nlohmann::json line = {{"key", entry.key},
                         {"input", input},
                         {"outcome", result.outcome},
                         {"class", entry.class_name},
                         {"split", entry.split},
                         {"faces", result.faces.size()},
                         {"at", position}};
  if (!result.why.empty()) line["why"] = result.why;
  if (!result.note.empty()) line["note"] = result.note;
  if (!result.frames.empty()) line["frames"] = result.frames;
  if (result.unparsed > 0) line["unparsed"] = result.unparsed;
  if (!result.content.empty()) line["content"] = result.content;
  const std::string text = json_text(line) + "\n";
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw Error("cannot write " + file_.string() + ": " + std::strerror(errno), "check free space and permissions");
    rest.remove_prefix(static_cast<size_t>(n));
  }
  take(line);
}

void Journal::take(const nlohmann::json& line) {
  position_ = line.at("at");
  const std::string how = line.at("outcome").get<std::string>();
  if (how != outcome::kNotDone) done_.insert(line.at("key").get<std::string>());
  ++account_.inputs[how];
  account_.faces += line.value("faces", uint64_t{0});
  account_.unparsed += line.value("unparsed", uint64_t{0});
  if (const auto frames = line.find("frames"); frames != line.end())
    for (const auto& [name, n] : frames->items()) account_.frames[name] += n.get<uint64_t>();
  if (how == outcome::kKept && line.contains("content"))
    contents_.insert(content_key(line.value("split", ""), line.value("class", ""), line["content"].get<std::string>()));
}

}  // namespace fsfm
