// Lists and tables that name files and labels.
#include <algorithm>

#include "base/class_names.h"
#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/media_kind.h"
#include "base/text.h"
#include "base/text_file.h"
#include "data/naming.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

constexpr const char* kUnreadableLabel = "a label is a class name, or a number whose meaning --real NAME... states";
constexpr const char* kUnlabelled = "for pictures without labels use the layout folder";

bool has_media_name(const std::string& path) { return is_image_path(path) || is_video_path(path); }

// Lines of a list become entries; files are looked for beside the list, then where the program runs.
class Entries {
 public:
  explicit Entries(const fs::path& list) : list_(list), folders_{list.parent_path(), fs::path()} {}

  bool exists(const std::string& path) const { return find_listed(path, folders_).exists; }
  // A picture or video by its name, or any file that is there: what it is its content tells.
  bool is_file(const std::string& path) const {
    if (has_media_name(path)) return true;
    std::error_code ignored;
    const ListedPath listed = find_listed(path, folders_);
    return !path.empty() && listed.exists && fs::is_regular_file(listed.file, ignored);
  }

  // nullptr: the file is of a form that nothing reads, and is left out.
  PrepareEntry* add(const std::string& path, const std::string& label, const std::string& where) {
    if (path.empty() || label.empty()) throw Error(where + ": path or label is empty", kUnreadableLabel);
    if (label.find('/') != std::string::npos || label.find("..") != std::string::npos)
      throw Error(where + ": '" + label + "' cannot be a class name", kUnreadableLabel);
    const ListedPath listed = find_listed(path, folders_);
    if (!listed.exists && missing_++ == 0) first_missing_ = path;
    // Below the list, an absolute path names the same videos as a relative one.
    std::error_code ignored;
    fs::path name =
        listed.spelling.is_absolute() ? listed.file.lexically_relative(fs::absolute(folders_[0], ignored)) : fs::path();
    if (name.empty() || *name.begin() == "..") name = listed.spelling.relative_path();
    name = name.lexically_normal();
    PrepareEntry entry;
    entry.path = listed.file;
    entry.class_name = label;
    std::error_code folder_code;
    if (listed.exists && fs::is_directory(listed.file, folder_code))
      throw Error(where + ": " + path + " is a folder", "list its pictures, or use the layout classes for folders");
    // A usual name is believed (who reads the file finds out), other files are looked into; one that is gone may be
    // anything.
    const MediaKind kind = is_video_path(name)                     ? MediaKind::video
                           : is_image_path(name) || !listed.exists ? MediaKind::picture
                                                                   : media_kind(listed.file);
    switch (kind) {
      case MediaKind::video:
        entry.kind = PrepareEntry::Kind::video;
        entry.video = fs::path(name).replace_extension().generic_string();
        break;
      case MediaKind::picture: {
        const FrameName frame = parse_frame_name(name);
        entry.video = frame.video;
        entry.frame = frame.frame;
        break;
      }
      case MediaKind::unread:
        entry.left_out = unread_reason(listed.file);
        entry.video = name.generic_string();
        left_out_.push_back(std::move(entry));
        return nullptr;
      case MediaKind::other:
        throw Error(where + ": " + path + " is neither a picture nor a video", "list pictures and videos only");
    }
    entries_.push_back(std::move(entry));
    return &entries_.back();
  }

  void note(std::string text) { notes_.push_back(std::move(text)); }

  Listing take() && {
    if (missing_ > 0 && missing_ == entries_.size())
      throw Error("none of the " + std::to_string(missing_) + " files that " + list_.string() +
                      " names is there, e.g. " + first_missing_,
                  "paths are taken from the folder of the list, or in full");
    if (missing_ > 0)
      note(std::to_string(missing_) + " of the " + std::to_string(entries_.size()) + " files of " + list_.string() +
           " are not on the disk, e.g. " + first_missing_);
    return {.entries = std::move(entries_),
            .notes = std::move(notes_),
            .left_out = std::move(left_out_),
            .names_from_user = true};
  }

 private:
  fs::path list_;
  std::vector<fs::path> folders_;
  std::vector<PrepareEntry> entries_, left_out_;
  std::vector<std::string> notes_;
  size_t missing_ = 0;
  std::string first_missing_;
};

int64_t frame_number(const std::string& text, const std::string& where) {
  const auto value = parse_index(text);
  if (!value) throw Error(where + ": '" + text + "' is no frame number", "fix the line");
  return *value;
}

std::string without_quotes(std::string text) {
  if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

struct ListLine {
  std::string path, label;
};

// `path label`, or with a comma, semicolon, tab or bar between them; or the label first, where only the rest is a file.
std::optional<ListLine> split_list_line(const std::string& line, const Entries& entries) {
  const auto parts_at = [&](size_t at) {
    return ListLine{without_quotes(trim(line.substr(0, at))), without_quotes(trim(line.substr(at + 1)))};
  };
  for (const char* separators : {"\t", ";", "|", ",", " "}) {
    const size_t last = line.find_last_of(separators);
    if (last == std::string::npos) continue;
    const ListLine parts = parts_at(last);
    if (entries.is_file(parts.path) && !has_media_name(parts.label)) return parts;
  }
  const size_t first = line.find_first_of(" \t,;|");
  if (first == std::string::npos) return std::nullopt;
  const ListLine turned = parts_at(first);
  // "fake a.jpg" is one; "my holiday.jpg" is a path without a label.
  const std::string& word = turned.path;
  const bool is_label = word == "0" || word == "1" || kind_of_class(word) != ClassKind::unknown;
  if (is_label && entries.is_file(turned.label)) return ListLine{turned.label, word};
  if (entries.is_file(line)) return std::nullopt;
  const size_t gap = line.find_last_of(" \t");
  if (gap == std::string::npos) return std::nullopt;
  return parts_at(gap);
}

// "label" under other names. Those that name one side come last: their 0 and 1 say which.
std::vector<std::string> label_names() {
  std::vector<std::string> names = {"labels",     "labelname", "class",  "classname", "classlabel",
                                    "labelclass", "category",  "target", "truth",     "groundtruth",
                                    "gt",         "labelid",   "classid"};
  for (const std::string side : {"fake", "real", "spoof", "attack", "live", "forged", "genuine", "bonafide", "deepfake",
                                 "manipulated", "synthetic", "generated"})
    for (const std::string& name : {"is" + side, side, "label" + side, side + "label", "islabel" + side})
      names.push_back(name);
  return names;
}

const std::vector<CsvColumn>& csv_columns() {
  static const std::vector<CsvColumn> kColumns = {
      {.name = "path",
       .also = {"file", "filename", "filepath", "image", "imagepath", "imagefile", "imagename", "img", "imgpath",
                "picture", "photo", "videopath", "videofile", "fullpath", "relativepath", "relpath"},
       .required = true},
      {.name = "label", .also = label_names(), .required = true},
      {.name = "split", .also = {"set", "subset", "partition"}},
      {.name = "video", .also = {"videoid", "videoname", "clip"}},
      {.name = "frame", .also = {"frameid", "framenumber", "frameindex"}}};
  return kColumns;
}

constexpr const char* kWantedHeader = "wanted is a first line path,label[,split,video,frame]";

}  // namespace

Listing enumerate_list(const LayoutRequest& request) {
  Entries entries(request.root);
  size_t number = 0;
  for (const auto& line : read_lines(request.root)) {
    const std::string where = request.root.string() + " entry " + std::to_string(++number);
    auto parts = split_list_line(line, entries);
    if (has_media_name(line) && entries.exists(line)) parts.reset();  // a path alone, whatever words are in it
    if (line.starts_with('#') && !(parts && entries.exists(parts->path))) continue;  // a comment
    if (!parts) throw Error(where + ": expected `path label`, not '" + to_utf8(line.substr(0, 80)) + "'", kUnlabelled);
    const bool is_header = number == 1 && !has_media_name(parts->path) && !has_media_name(parts->label) &&
                           to_lower(parts->label).starts_with("label");
    if (!is_header) entries.add(parts->path, parts->label, where);
  }
  return std::move(entries).take();
}

Listing enumerate_csv(const LayoutRequest& request) {
  const CsvTable table(request.root, csv_columns());
  const std::string name = request.root.string();
  Entries entries(request.root);
  // What begins with '#' is a comment, unless there is a file of that name.
  std::vector<CsvRow> rows = table.rows();
  std::erase_if(rows, [&](const CsvRow& row) {
    return row.fields.front().starts_with('#') &&
           !entries.exists(table.has_header() ? table.field(row, "path") : row.fields.front());
  });
  if (!table.has_header()) {
    if (rows.empty()) throw Error(name + " is empty", kWantedHeader);
    const auto& first = rows.front().fields;
    const auto is_file = [&](const std::string& text) { return entries.is_file(text); };
    if (std::none_of(first.begin(), first.end(), is_file))
      throw Error(name + ": its first line says " + table.describe() + ", no columns path and label",
                  std::string(kWantedHeader) + ": rename its columns, or separate them by , ; tab or |");
    // Which of more columns is the label is anybody's guess.
    const bool plain = std::all_of(rows.begin(), rows.end(), [&](const CsvRow& row) {
      return row.fields.size() == 2 && is_file(row.fields[0]) && !has_media_name(row.fields[1]);
    });
    if (!plain) throw Error(name + " has no header: its first line says " + table.describe(), kWantedHeader);
    entries.note(name + " has no header: its columns are taken for path and label");
  } else if (rows.empty()) {
    throw Error(name + " has a header and no line below it", "is it the right file?");
  }
  for (const auto& row : rows) {
    const std::string where = name + " line " + std::to_string(row.line);
    const auto field = [&](const char* column) { return table.field(row, column); };
    std::string label = field("label");
    if (const ClassKind kind = kind_of_value(table.title("label"), label);
        kind != ClassKind::unknown && kind_of_class(label) == ClassKind::unknown)
      label = kind == ClassKind::real ? "real" : "fake";
    PrepareEntry* entry = table.has_header() ? entries.add(field("path"), label, where)
                                             : entries.add(row.fields[0], row.fields[1], where);
    if (!entry) continue;
    entry->split = canonical_split(field("split")).value_or(field("split"));
    if (const std::string video = field("video"); !video.empty()) entry->video = video;
    if (const std::string frame = field("frame"); !frame.empty()) entry->frame = frame_number(frame, where);
  }
  return std::move(entries).take();
}

}  // namespace fsfm
