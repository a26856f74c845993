#include "prepare/layouts/walk.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/media_kind.h"
#include "base/text.h"
#include "base/text_file.h"
#include "data/dataset.h"
#include "data/naming.h"
#include "tensorio/json.h"

namespace fsfm {

void append_media(Listing& listing, const fs::path& folder, const std::string& class_name, const std::string& split,
                  const std::string& prefix) {
  std::map<fs::path, MediaKind> others;  // than pictures: each is looked into once
  const auto is_input = [&](const fs::path& path) {
    const MediaKind kind = media_kind_by_name_first(path);
    if (kind == MediaKind::video || kind == MediaKind::unread) others.emplace(path, kind);
    return kind != MediaKind::other;
  };
  for (const auto& path : list_files(folder, is_input)) {
    const auto other = others.find(path);
    const MediaKind kind = other == others.end() ? MediaKind::picture : other->second;
    const fs::path relative = path.lexically_relative(folder);
    PrepareEntry entry;
    entry.path = path;
    entry.class_name = class_name;
    entry.split = split;
    if (kind == MediaKind::unread) {
      entry.left_out = unread_reason(path);
      entry.video = prefix + relative.generic_string();
      listing.left_out.push_back(std::move(entry));
      continue;
    }
    if (kind == MediaKind::video) {
      entry.kind = PrepareEntry::Kind::video;
      entry.video = prefix + fs::path(relative).replace_extension().generic_string();
    } else {
      const FrameName name = parse_frame_name(relative);
      entry.video = prefix + name.video;
      entry.frame = name.frame;
    }
    listing.entries.push_back(std::move(entry));
  }
}

void leave_out_own_output(Listing& listing, const fs::path& out) {
  if (out.empty() || listing.entries.empty()) return;
  const auto plain = [](const fs::path& path) { return fs::absolute(path).lexically_normal().string(); };
  std::string folder = plain(out);
  if (!folder.ends_with('/')) folder += '/';
  for (auto* list : {&listing.entries, &listing.left_out})
    std::erase_if(*list, [&](const PrepareEntry& entry) { return plain(entry.path).starts_with(folder); });
  if (listing.entries.empty())
    throw Error("every input lies below --out " + out.string(), "choose an --out outside of ROOT");
}

bool is_video_input(const fs::path& path) {
  return is_video_path(path) || media_kind_by_name_first(path) == MediaKind::video;
}

PrepareEntry video_entry(const fs::path& path, const std::string& class_name, const std::string& split,
                         const std::string& video) {
  PrepareEntry entry;
  entry.path = path;
  entry.kind = PrepareEntry::Kind::video;
  entry.class_name = class_name;
  entry.split = split;
  entry.video = video;
  return entry;
}

void require_stated(std::vector<std::string> classes, const ClassStatement& stated) {
  DatasetInfo info;
  info.classes = std::move(classes);
  const DatasetInfo* only = &info;
  require_stated_classes({&only, 1}, stated);
}

std::optional<int64_t> parse_index(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (text.empty() || code != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string> read_lines(const fs::path& file) { return read_text_lines(file); }

nlohmann::json read_json(const fs::path& file) {
  return parse_json(read_text(file), file.string(), "download it again");
}

void require(const fs::path& root, const fs::path& sub, const std::string& layout, const std::string& expected) {
  if (!path_exists(root / sub))
    throw Error(root.string() + " is no " + layout + " tree: " + sub.generic_string() + " is missing",
                "expected " + expected);
}

}  // namespace fsfm
