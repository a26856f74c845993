// The Deepfake Detection Challenge: the full sets (labels.csv or metadata.json) and the preview (dataset.json).
#include <map>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/layouts/all.h"
#include "data/layouts/walk.h"
#include "data/naming.h"

namespace fsfm {
namespace {

std::optional<std::string> class_of(const nlohmann::json& video) {
  if (const auto label = video.find("label"); label != video.end() && label->is_string())
    return to_lower(label->get<std::string>()) == "real" ? "real" : "fake";
  if (const auto fake = video.find("is_fake"); fake != video.end() && fake->is_number())
    return fake->get<double>() == 0 ? "real" : "fake";
  return std::nullopt;
}

// Class of every video that a labels.csv (filename,label) names.
std::map<std::string, std::string> read_labels_csv(const fs::path& file) {
  std::map<std::string, std::string> classes;
  for (const auto& line : read_lines(file)) {
    const auto fields = split(line, ',');
    if (fields.size() < 2) throw Error(file.string() + ": '" + line + "' is not `filename,label`", "download it again");
    const std::string label = trim(fields[1]);
    if (label == "0" || label == "1") classes[trim(fields[0])] = label == "0" ? "real" : "fake";
  }
  return classes;
}

std::map<std::string, std::string> read_metadata(const fs::path& file) {
  std::map<std::string, std::string> classes;
  const nlohmann::json json = read_json(file);
  if (!json.is_object()) throw Error(file.string() + " is no object of videos", "download it again");
  for (const auto& [name, video] : json.items())
    if (const auto c = video.is_object() ? class_of(video) : std::nullopt) classes[name] = *c;
  return classes;
}

}  // namespace

Listing enumerate_dfdc(const LayoutRequest& request) {
  Listing listing;
  size_t promised = 0, unlisted = 0;
  // Every folder with a list labels the videos below it; the parts of the training set have one each.
  for (const auto& list : list_files(request.root, [](const fs::path& p) {
         return p.filename() == "labels.csv" || p.filename() == "metadata.json";
       })) {
    if (list.filename() == "metadata.json" && fs::exists(list.parent_path() / "labels.csv")) continue;  // says the same
    const auto classes = list.filename() == "labels.csv" ? read_labels_csv(list) : read_metadata(list);
    promised += classes.size();
    const fs::path folder = list.parent_path();
    const std::string name = folder.filename().string();
    const std::string split =
        name.find("train") != std::string::npos ? "train" : canonical_split(name).value_or("test");
    for (const auto& path : list_files(folder, is_video_path)) {
      const auto found = classes.find(path.filename().string());
      if (found == classes.end())
        ++unlisted;
      else
        listing.entries.push_back(video_entry(path, found->second, split, name + "/" + path.stem().string()));
    }
  }
  if (listing.entries.empty())
    throw Error(request.root.string() + " is no dfdc tree",
                "expected ROOT/test/{labels.csv,*.mp4} or ROOT/dfdc_train_part_N/{metadata.json,*.mp4}");
  if (listing.entries.size() < promised)
    listing.notes.push_back(std::to_string(listing.entries.size()) + " of the " + std::to_string(promised) +
                            " listed videos are on the disk");
  if (unlisted > 0) listing.notes.push_back(std::to_string(unlisted) + " videos are in no list and were left out");
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
      const fs::path relative = fs::path(name).lexically_normal();
      if (relative.is_absolute() || *relative.begin() == "..")
        throw Error(list.string() + ": '" + name + "' leads outside", "download it again");
      if (!fs::exists(request.root / relative)) {
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
