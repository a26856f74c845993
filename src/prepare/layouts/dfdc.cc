// The Deepfake Detection Challenge: the full sets (labels.csv or metadata.json) and the preview (dataset.json).
#include <algorithm>
#include <map>
#include <optional>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/naming.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

struct Labelled {
  std::string class_name, split;  // split: "" where the list says none
};
using Labels = std::map<std::string, Labelled>;  // by file name

// REAL, fake, 0, "1", ...; nullopt for anything else, which is no label.
std::optional<std::string> class_of_text(const std::string& text) {
  const std::string label = to_lower(trim(text));
  if (label == "real" || label == "0") return "real";
  if (label == "fake" || label == "1") return "fake";
  return std::nullopt;
}

std::optional<std::string> class_of(const nlohmann::json& video) {
  for (const char* name : {"label", "is_fake"}) {
    const auto label = video.find(name);
    if (label == video.end()) continue;
    if (label->is_string()) return class_of_text(label->get<std::string>());
    if (label->is_boolean()) return label->get<bool>() ? "fake" : "real";
    if (label->is_number() && (label->get<double>() == 0 || label->get<double>() == 1))
      return label->get<double>() == 0 ? "real" : "fake";
  }
  return std::nullopt;
}

std::string file_name(std::string path) {
  std::replace(path.begin(), path.end(), '\\', '/');
  return fs::path(path).filename().string();
}

Labels read_labels_csv(const fs::path& file) {
  static const std::vector<CsvColumn> kColumns = {
      {.name = "filename", .also = {"file", "video", "name", "path"}, .required = true},
      {.name = "label", .also = {"class", "is_fake"}, .required = true},
      {.name = "split"}};
  const CsvTable table(file, kColumns);
  if (!table.has_header())
    throw Error(file.string() + ": its first line says " + table.describe() + ", not filename,label",
                "download it again");
  Labels labels;
  for (const auto& row : table.rows())
    if (const auto c = class_of_text(table.field(row, "label")))
      labels[file_name(table.field(row, "filename"))] = {*c, canonical_split(table.field(row, "split")).value_or("")};
  return labels;
}

Labels read_metadata(const fs::path& file) {
  Labels labels;
  const nlohmann::json json = read_json(file);
  if (!json.is_object()) throw Error(file.string() + " is no object of videos", "download it again");
  for (const auto& [name, video] : json.items()) {
    const auto c = video.is_object() ? class_of(video) : std::nullopt;
    if (!c) continue;
    const auto split = video.find("split");
    labels[file_name(name)] = {
        *c, split != video.end() && split->is_string() ? canonical_split(split->get<std::string>()).value_or("") : ""};
  }
  return labels;
}

bool is_labels_csv(const fs::path& p) { return to_lower(p.filename().string()) == "labels.csv"; }
bool is_metadata(const fs::path& p) { return to_lower(p.filename().string()) == "metadata.json"; }
bool is_archive(const fs::path& p) {
  const std::string extension = to_lower(p.extension().string());
  return extension == ".zip" || extension == ".tar" || extension == ".gz" || extension == ".tgz";
}

// The split that a list or its folder states; Kaggle's and the published names hold "train" and "test".
std::string split_of(const Labelled& labelled, const std::string& folder) {
  if (!labelled.split.empty()) return labelled.split;
  if (to_lower(folder).find("train") != std::string::npos) return "train";
  if (const auto split = canonical_split(folder)) return *split;
  return to_lower(folder).find("valid") != std::string::npos ? "val" : "test";
}

std::string names_of(const std::vector<fs::path>& files) {
  std::string text = files.front().filename().string();
  return files.size() > 1 ? text + ", ..." : text;
}

}  // namespace

Listing enumerate_dfdc(const LayoutRequest& request) {
  fs::path root = request.root.lexically_normal();
  if (!root.has_filename()) root = root.parent_path();  // a trailing slash
  std::map<fs::path, Labels> lists;                     // by the folder whose videos they label
  size_t promised = 0;
  for (const auto& file : list_files(root, [](const fs::path& p) { return is_labels_csv(p) || is_metadata(p); })) {
    Labels& labels = lists[file.parent_path()];
    // Where both stand in a folder they say the same; the table is the later and more complete one.
    for (auto& [name, labelled] : is_labels_csv(file) ? read_labels_csv(file) : read_metadata(file))
      if (is_labels_csv(file) || !labels.contains(name)) labels[name] = labelled;
  }
  for (const auto& [folder, labels] : lists) promised += labels.size();

  Listing listing;
  std::vector<fs::path> unlabelled;
  for (const auto& path : list_files(root, is_video_input)) {
    // The nearest list above a video that names it labels it.
    const std::string file = path.filename().string();
    const Labelled* found = nullptr;
    fs::path folder = path.parent_path();
    for (;; folder = folder.parent_path()) {
      if (const auto list = lists.find(folder); list != lists.end())
        if (const auto video = list->second.find(file); video != list->second.end()) found = &video->second;
      if (found || folder == root || !folder.has_relative_path() || folder == folder.parent_path()) break;
    }
    if (!found) {
      unlabelled.push_back(path);
      continue;
    }
    std::error_code ignored;
    const std::string name = fs::weakly_canonical(folder, ignored).filename().string();
    const fs::path below = path.lexically_relative(folder).replace_extension();
    const fs::path part = folder.lexically_relative(root);
    const std::string prefix = part.empty() || part == "." ? name : part.generic_string();
    listing.entries.push_back(
        video_entry(path, found->class_name, split_of(*found, name), prefix + "/" + below.generic_string()));
  }
  const auto archives = list_files(root, is_archive);
  if (listing.entries.empty()) {
    constexpr const char* kTree =
        "expected ROOT/test/{labels.csv,*.mp4}, ROOT/dfdc_train_part_N/{metadata.json,*.mp4} or Kaggle's "
        "ROOT/train_sample_videos/{metadata.json,*.mp4}";
    if (path_exists(root / "dataset.json"))
      throw Error(root.string() + " is the preview of DFDC (it has dataset.json)", "use the layout dfdcp");
    if (unlabelled.empty() && !archives.empty())
      throw Error(root.string() + " holds " + std::to_string(archives.size()) + " packed archives (" +
                      names_of(archives) + ") and no video",
                  "unpack them");
    if (!unlabelled.empty())
      throw Error(root.string() + " holds " + std::to_string(unlabelled.size()) +
                      " videos and no metadata.json or labels.csv that names them",
                  "put the list beside them, or use the layout folder for videos without labels");
    throw Error(root.string() + " is no dfdc tree", kTree);
  }
  if (listing.entries.size() < promised)
    listing.notes.push_back(std::to_string(listing.entries.size()) + " of the " + std::to_string(promised) +
                            " listed videos are on the disk");
  if (!unlabelled.empty())
    listing.notes.push_back(std::to_string(unlabelled.size()) + " videos have no label in any list (" +
                            unlabelled.front().lexically_relative(root).string() +
                            (unlabelled.size() > 1 ? ", ..." : "") + ") and were left out");
  if (!archives.empty())
    listing.notes.push_back(std::to_string(archives.size()) + " archives are still packed (" + names_of(archives) +
                            "): unpack them to take their videos");
  return listing;
}

Listing enumerate_dfdcp(const LayoutRequest& request) {
  require(request.root, "dataset.json", "dfdcp",
          "ROOT/dataset.json, ROOT/original_videos, ROOT/method_A, ROOT/method_B");
  const fs::path list = request.root / "dataset.json";
  const nlohmann::json json = read_json(list);
  Listing listing;
  size_t missing = 0;
  try {
    for (const auto& [name, video] : json.items()) {
      const auto class_name = video.is_object() ? class_of(video) : std::nullopt;
      if (!class_name) throw Error(list.string() + ": '" + name + "' has no label", "download it again");
      std::string slashed = name;
      std::replace(slashed.begin(), slashed.end(), '\\', '/');
      const fs::path relative = fs::path(slashed).lexically_normal();
      if (relative.is_absolute() || *relative.begin() == "..")
        throw Error(list.string() + ": '" + name + "' leads outside", "download it again");
      if (!path_exists(request.root / relative)) {
        ++missing;
        continue;
      }
      const std::string set = video.value("set", "");
      listing.entries.push_back(video_entry(request.root / relative, *class_name, canonical_split(set).value_or(set),
                                            fs::path(relative).replace_extension().generic_string()));
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(list.string() + " is no list of DFDC preview: " + error.what(), "download it again");
  }
  if (missing > 0)
    listing.notes.push_back(std::to_string(missing) + " of the " + std::to_string(json.size()) +
                            " videos of dataset.json are not on the disk");
  return listing;
}

}  // namespace fsfm
