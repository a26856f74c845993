// DeepfakeBench: one JSON a dataset, naming the frames of every video.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/naming.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

// Frames are named from the folder that holds the datasets, wherever the JSON stands; "" when this frame is nowhere.
fs::path base_of(const fs::path& json_file, const fs::path& frame) {
  std::error_code ignored;
  fs::path folder = fs::absolute(json_file, ignored).parent_path();
  for (int up = 0; up < 4 && !folder.empty(); ++up, folder = folder.parent_path())
    for (const char* below : {"", "rgb", "datasets", "datasets/rgb", "data"})
      if (path_exists(folder / below / frame)) return folder / below;
  return {};
}

class Walker {
 public:
  Walker(const LayoutRequest& request, Listing& listing) : request_(request), listing_(listing) {}

  // dataset -> label -> split -> [compression ->] video -> {label, frames}.
  void walk(const nlohmann::json& node, const std::string& split, const std::string& compression,
            const std::string& name) {
    if (!node.is_object()) return;
    if (node.contains("frames") && node.contains("label")) return add_video(node, split, name);
    for (const auto& [key, value] : node.items()) {
      static const std::vector<std::string> kCompressions = {"raw", "c0", "c23", "c40"};
      const bool is_compression = std::find(kCompressions.begin(), kCompressions.end(), key) != kCompressions.end();
      if (is_compression && key != request_.compression) continue;
      const auto is_split = split.empty() ? canonical_split(key) : std::nullopt;
      walk(value, is_split.value_or(split), is_compression ? key : compression, key);
    }
  }
  size_t missing() const { return missing_; }
  const fs::path& first_missing() const { return first_missing_; }

 private:
  void add_video(const nlohmann::json& video, const std::string& split, const std::string& name) {
    const std::string label = video.at("label").get<std::string>();
    int64_t position = 0;
    for (const auto& item : video.at("frames")) {
      std::string frame = item.get<std::string>();
      std::replace(frame.begin(), frame.end(), '\\', '/');
      const fs::path relative = fs::path(frame).lexically_normal();
      if (relative.is_absolute() || *relative.begin() == "..")
        throw Error(request_.root.string() + ": '" + frame + "' leads outside",
                    "write frames relative to the datasets' folder");
      if (base_.empty()) base_ = base_of(request_.root, relative);
      PrepareEntry entry;
      entry.path = base_ / relative;
      entry.class_name = label;
      entry.split = split;
      entry.video = label + "/" + name;
      entry.frame = parse_index(relative.stem().string()).value_or(position);
      ++position;
      if (!base_.empty() && path_exists(entry.path))
        listing_.entries.push_back(std::move(entry));
      else if (missing_++ == 0)
        first_missing_ = relative;
    }
  }

  const LayoutRequest& request_;
  Listing& listing_;
  fs::path base_, first_missing_;
  size_t missing_ = 0;
};

// The benchmark's short names of the manipulations of FaceForensics++; its other labels say real or fake.
bool is_known_forgery(const std::string& label) {
  static const std::vector<std::string> kForgeries = {"ff-df", "ff-f2f", "ff-fs", "ff-nt", "ff-fh", "ff-fsh"};
  return std::find(kForgeries.begin(), kForgeries.end(), to_lower(label)) != kForgeries.end();
}

// Labels become classes: "real", and "fake" or one a method.
void name_classes(Listing& listing, const LayoutRequest& request) {
  std::set<std::string> labels, known;
  for (const auto& entry : listing.entries)
    (is_known_forgery(entry.class_name) ? known : labels).insert(entry.class_name);
  const auto inferred = infer_attack_classes({labels.begin(), labels.end()}, request.stated);
  known.insert(inferred.begin(), inferred.end());
  for (auto& entry : listing.entries) {
    if (!known.contains(entry.class_name))
      entry.class_name = "real";
    else if (request.labels != "methods")
      entry.class_name = "fake";
  }
}

}  // namespace

Listing enumerate_deepfakebench(const LayoutRequest& request) {
  Listing listing;
  Walker walker(request, listing);
  try {
    walker.walk(read_json(request.root), "", "", "");
  } catch (const nlohmann::json::exception& error) {
    throw Error(request.root.string() + " is no DeepfakeBench list: " + error.what(), "name one file of dataset_json/");
  }
  if (listing.entries.empty() && walker.missing() > 0)
    throw Error(request.root.string() + " names frames that are not near it, e.g. " + walker.first_missing().string(),
                "put the JSON beside the folder of the datasets");
  if (walker.missing() > 0)
    listing.notes.push_back(std::to_string(walker.missing()) + " listed frames are not on the disk");
  name_classes(listing, request);
  return listing;
}

}  // namespace fsfm
