#include "data/layouts/walk.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "base/text_file.h"
#include "data/naming.h"
#include "tensorio/json.h"

namespace fsfm {

void append_media(Listing& listing, const fs::path& folder, const std::string& class_name, const std::string& split,
                  const std::string& prefix) {
  const auto is_input = [&](const fs::path& path) {
    if (is_unsupported_image_path(path)) ++listing.unsupported[to_lower(path.extension().string())];
    return is_image_path(path) || is_video_path(path);
  };
  for (const auto& path : list_files(folder, is_input)) {
    const fs::path relative = path.lexically_relative(folder);
    PrepareEntry entry;
    entry.path = path;
    entry.class_name = class_name;
    entry.split = split;
    if (is_video_path(path)) {
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

std::optional<int64_t> parse_index(const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (text.empty() || code != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

std::vector<std::string> read_lines(const fs::path& file) {
  return read_text_lines(file);
}

nlohmann::json read_json(const fs::path& file) {
  return parse_json(read_text(file), file.string(), "download it again");
}

bool on_disk(const fs::path& path) {
  std::error_code code;
  const auto status = fs::status(path, code);
  if (!fs::status_known(status))
    throw Error("cannot look at " + path.string() + ": " + code.message(), "check the permissions", code.value());
  return fs::exists(status);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return on_disk(path) && fs::is_directory(path, ignored);
}

void require(const fs::path& root, const fs::path& sub, const std::string& layout, const std::string& expected) {
  if (!on_disk(root / sub))
    throw Error(root.string() + " is no " + layout + " tree: " + sub.generic_string() + " is missing",
                "expected " + expected);
}

}  // namespace fsfm
