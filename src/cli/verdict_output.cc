#include "cli/verdict_output.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/csv.h"
#include "base/text.h"
#include "detect/verdict_json.h"

namespace fsfm::cli {
namespace {

using nlohmann::json;

std::string counted(size_t n, const std::string& word) {
  return fmt::format("{} {}{}", with_thousands(static_cast<long long>(n)), word, n == 1 ? "" : "s");
}

}  // namespace

ResumedLines::ResumedLines(const fs::path& file, const DetectorModel& model,
                           const std::function<void(const json&)>& earlier)
    : path_(file) {
  const json header = verdict_header(model);
  std::string text;
  if (path_exists(file)) text = read_file(file);
  fd_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const auto fail = [&](const std::string& what, const std::string& hint) {
    if (fd_ >= 0) ::close(fd_);
    return Error(file.string() + " " + what, hint);
  };
  if (fd_ < 0) throw fail(std::string("cannot be written: ") + std::strerror(errno), "name another place");
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw fail("is being written by another run", "wait for it, or name another file");
  size_t whole = 0;  // bytes up to the end of the last line that is one
  bool any = false;
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\n', start);
    if (end == std::string::npos) break;  // torn
    const json line = json::parse(text.begin() + static_cast<std::ptrdiff_t>(start),
                                  text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    const bool last = end + 1 == text.size();
    if (!line.is_object() && last) break;  // torn by a crash of the machine
    if (!line.is_object() || (!any && !line.contains("schema")))
      throw fail("is no output of fsfm detect --jsonl", "name a new file, or one that --resume made");
    if (!any)
      for (const char* key : {"model_sha256", "threshold"})
        if (line.value(key, json()) != header[key])
          throw fail("was judged by another model or at another threshold", "name a new file");
    any = true;
    if (const auto name = line.find("file"); name != line.end() && name->is_string())
      if (files_.insert(name->get<std::string>()).second) earlier(line);
    start = whole = end + 1;
  }
  if (whole < text.size() && ::ftruncate(fd_, static_cast<off_t>(whole)) != 0)
    throw fail(std::string("cannot be mended: ") + std::strerror(errno), "remove its last line");
  if (!any) add(header);
}

ResumedLines::~ResumedLines() { ::close(fd_); }

bool ResumedLines::has(const fs::path& file) const { return files_.contains(to_utf8(file.string())); }

void ResumedLines::add(const json& line) {
  const std::string text = to_line(line) + "\n";
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(path_.string() + " cannot be written: " + std::strerror(errno), "make room, then resume");
    done += static_cast<size_t>(n);
  }
}

std::string overall_verdict(const json& entry) {
  if (entry.value("kind", "") == "video") return entry.value("verdict", "");
  std::string worst;
  if (const auto faces = entry.find("faces"); faces != entry.end())
    for (const auto& face : *faces) {
      const std::string verdict = face.value("verdict", "");
      if (verdict == "attack" || worst.empty() || (verdict == "inconclusive" && worst == "real")) worst = verdict;
    }
  return worst;
}

void Tally::add(const json& entry) {
  if (entry.contains("error") && !entry.contains("kind")) {
    ++unread_;
    return;
  }
  if (entry.contains("skipped")) {
    ++skipped_;
    return;
  }
  const bool video = entry.value("kind", "") == "video";
  ++(video ? videos_ : pictures_);
  const std::string verdict = overall_verdict(entry);
  if (verdict.empty() || entry.value("reason", "") == "no_face") {
    ++faceless_;
    return;
  }
  ++verdicts_[verdict];
  if (verdict != "inconclusive") return;
  if (video) {
    ++reasons_[entry.value("reason", "")];
    return;
  }
  for (const auto& face : entry["faces"])
    if (face.value("verdict", "") == verdict) {
      ++reasons_[face.value("reason", "")];
      break;
    }
}

std::string Tally::summary() const {
  std::vector<std::string> inputs, parts, reasons;
  if (pictures_ > 0) inputs.push_back(counted(pictures_, "picture"));
  if (videos_ > 0) inputs.push_back(counted(videos_, "video"));
  for (const auto& [reason, count] : reasons_) reasons.push_back(fmt::format("{} {}", count, reason));
  for (const char* verdict : {"real", "attack", "inconclusive"})
    if (const auto found = verdicts_.find(verdict); found != verdicts_.end())
      parts.push_back(fmt::format("{} {}{}", with_thousands(static_cast<long long>(found->second)), verdict,
                                  found->first == "inconclusive" ? " (" + join(reasons, ", ") + ")" : ""));
  if (faceless_ > 0) parts.push_back(with_thousands(static_cast<long long>(faceless_)) + " without a face");
  std::string text = inputs.empty() ? "nothing judged" : join(inputs, ", ") + ": " + join(parts, ", ");
  if (unread_ > 0) text += fmt::format("; {} could not be read", with_thousands(static_cast<long long>(unread_)));
  if (skipped_ > 0) text += fmt::format("; {} left out", with_thousands(static_cast<long long>(skipped_)));
  return text;
}

std::string csv_header() {
  return "file,kind,part,verdict,reason,score,left,top,width,height,sharpness,yaw,sha256,c2pa_manifest,why\n";
}

std::string csv_rows(const json& entry) {
  const auto text = [](const json& from, const char* key) {
    const auto found = from.find(key);
    if (found == from.end() || found->is_null()) return std::string();
    return found->is_string() ? csv_field(found->get<std::string>()) : found->dump();
  };
  const auto row = [&](const std::string& part, const json& judged) {
    std::vector<std::string> fields = {text(entry, "file"), text(entry, "kind"), part};
    for (const char* key : {"verdict", "reason", "score"}) fields.push_back(text(judged, key));
    const auto box = judged.find("box");
    for (size_t i = 0; i < 4; ++i) fields.push_back(box == judged.end() ? "" : box->at(i).dump());
    for (const char* key : {"sharpness", "yaw"}) fields.push_back(text(judged, key));
    fields.push_back(text(entry, "sha256"));
    const auto provenance = entry.find("provenance");
    fields.push_back(provenance == entry.end() ? "" : text(*provenance, "c2pa_manifest"));
    std::string why = text(judged, "why");
    for (const char* key : {"error", "skipped"})
      if (why.empty()) why = text(entry, key);
    fields.push_back(why);
    return join(fields, ",") + "\n";
  };
  std::string rows;
  if (const auto faces = entry.find("faces"); faces != entry.end())
    for (size_t i = 0; i < faces->size(); ++i) rows += row("face " + std::to_string(i + 1), (*faces)[i]);
  if (rows.empty()) rows = row("", entry);
  if (const auto persons = entry.find("persons"); persons != entry.end() && persons->size() > 1)
    for (const auto& person : *persons) rows += row("person " + std::to_string(person.value("person", 0) + 1), person);
  return rows;
}

}  // namespace fsfm::cli
