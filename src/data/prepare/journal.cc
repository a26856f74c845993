#include "data/prepare/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace fsfm {
namespace {

std::string content_key(const std::string& split, const std::string& class_name, const std::string& content) {
  return split + "/" + class_name + "/" + content;
}

}  // namespace

Journal::Journal(const fs::path& file, const std::function<bool(const nlohmann::json&)>& exists) : file_(file) {
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0)
    throw Error("cannot write " + file.string() + ": " + std::strerror(errno), "check the folder and its permissions");
  try {
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
      throw Error(file.string() + " is in use by another fsfm prepare",
                  "wait for it, or share the work with --shard i/n");
    const std::string text = read_file(file, uint64_t{16} << 30);
    std::vector<nlohmann::json> lines;
    std::vector<size_t> ends;  // of each line in the file
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;  // torn by an interrupt
      auto line = nlohmann::json::parse(text.begin() + static_cast<int64_t>(begin),
                                        text.begin() + static_cast<int64_t>(end), nullptr, false);
      if (!line.is_object() || !line.contains("key") || !line.contains("input") || !line.contains("outcome") ||
          !line.contains("at"))
        throw Error(file.string() + " line " + std::to_string(lines.size() + 1) + " is damaged",
                    "start again with an empty --out folder");
      lines.push_back(std::move(line));
      ends.push_back(end + 1);
      begin = end + 1;
    }
    while (!lines.empty() && !exists(lines.back().at("at"))) {
      lines.pop_back();
      ends.pop_back();
    }
    const auto keep = static_cast<off_t>(ends.empty() ? 0 : ends.back());
    if (::ftruncate(fd_, keep) != 0 || ::lseek(fd_, keep, SEEK_SET) < 0)
      throw Error("cannot write " + file.string() + ": " + std::strerror(errno), "check free space and permissions");
    for (const auto& line : lines) take(line);
  } catch (const nlohmann::json::exception& error) {
    ::close(fd_);
    throw Error(file.string() + ": " + error.what(), "start again with an empty --out folder");
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Journal::~Journal() { ::close(fd_); }

bool Journal::is_duplicate(const PrepareEntry& entry, const std::string& content) {
  return !content.empty() && !contents_.insert(content_key(entry.split, entry.class_name, content)).second;
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
  std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
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
  done_.insert(line.at("key").get<std::string>());
  position_ = line.at("at");
  const std::string how = line.at("outcome").get<std::string>();
  ++account_.inputs[how];
  account_.faces += line.value("faces", uint64_t{0});
  account_.unparsed += line.value("unparsed", uint64_t{0});
  if (const auto frames = line.find("frames"); frames != line.end())
    for (const auto& [name, n] : frames->items()) account_.frames[name] += n.get<uint64_t>();
  if (how == outcome::kKept && line.contains("content"))
    contents_.insert(content_key(line.value("split", ""), line.value("class", ""), line["content"].get<std::string>()));
}

}  // namespace fsfm
