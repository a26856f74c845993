// Inputs named by a table: `path label` lines, or a CSV file.
#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/layouts/all.h"
#include "data/layouts/walk.h"
#include "data/naming.h"

namespace fsfm {
namespace {

constexpr const char* kUnreadableLabel = "a label is a class name, or a number whose meaning --real NAME... states";

PrepareEntry entry_of(const fs::path& base, const std::string& path, const std::string& label,
                      const std::string& where) {
  if (path.empty() || label.empty()) throw Error(where + ": path or label is empty", kUnreadableLabel);
  if (label.find('/') != std::string::npos || label.find("..") != std::string::npos)
    throw Error(where + ": '" + label + "' cannot be a class name", kUnreadableLabel);
  const fs::path relative(path);
  PrepareEntry entry;
  entry.path = relative.is_absolute() ? relative : base / relative;
  entry.class_name = label;
  if (is_video_path(relative)) {
    entry.kind = PrepareEntry::Kind::video;
    entry.video = fs::path(relative.relative_path()).replace_extension().generic_string();
  } else if (is_image_path(relative)) {
    const FrameName name = parse_frame_name(relative.relative_path());
    entry.video = name.video;
    entry.frame = name.frame;
  } else {
    throw Error(where + ": " + path + " is neither a picture nor a video by its name", "list pictures and videos only");
  }
  return entry;
}

// One CSV line; fields may be quoted, "" is a quote.
std::vector<std::string> csv_fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += c;
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (auto& field : fields) field = trim(field);
  return fields;
}

int64_t frame_number(const std::string& text, const std::string& where) {
  const auto value = parse_index(text);
  if (!value) throw Error(where + ": '" + text + "' is no frame number", "fix the line");
  return *value;
}

}  // namespace

Listing enumerate_list(const LayoutRequest& request) {
  std::vector<PrepareEntry> entries;
  size_t number = 0;
  for (const auto& line : read_lines(request.root)) {
    const std::string where = request.root.string() + " entry " + std::to_string(++number);
    const size_t gap = line.find_last_of(" \t");
    if (gap == std::string::npos) throw Error(where + ": expected `path label`", kUnreadableLabel);
    entries.push_back(
        entry_of(request.root.parent_path(), trim(line.substr(0, gap)), trim(line.substr(gap + 1)), where));
  }
  return {.entries = std::move(entries), .names_from_user = true};
}

Listing enumerate_csv(const LayoutRequest& request) {
  const std::vector<std::string> lines = read_lines(request.root);
  if (lines.empty())
    throw Error(request.root.string() + " is empty", "expected a header line path,label[,split,video,frame]");
  std::map<std::string, size_t> column;
  const auto header = csv_fields(lines.front());
  for (size_t i = 0; i < header.size(); ++i) column[to_lower(header[i])] = i;
  if (!column.contains("path") || !column.contains("label"))
    throw Error(request.root.string() + ": the header lacks path or label", "expected path,label[,split,video,frame]");
  std::vector<PrepareEntry> entries;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string where = request.root.string() + " line " + std::to_string(i + 1);
    const auto fields = csv_fields(lines[i]);
    if (fields.size() != header.size())
      throw Error(
          where + ": " + std::to_string(fields.size()) + " fields, the header has " + std::to_string(header.size()),
          "fix the line");
    const auto field = [&](const char* name) {
      return column.contains(name) ? fields[column.at(name)] : std::string();
    };
    PrepareEntry entry = entry_of(request.root.parent_path(), field("path"), field("label"), where);
    entry.split = canonical_split(field("split")).value_or(field("split"));
    if (const std::string video = field("video"); !video.empty()) entry.video = video;
    if (const std::string frame = field("frame"); !frame.empty()) entry.frame = frame_number(frame, where);
    entries.push_back(std::move(entry));
  }
  return {.entries = std::move(entries), .names_from_user = true};
}

}  // namespace fsfm
