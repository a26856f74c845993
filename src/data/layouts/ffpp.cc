// FaceForensics++ and its DeepFakeDetection part.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/layouts/all.h"
#include "data/layouts/walk.h"

namespace fsfm {
namespace {

constexpr const char* kTree =
    "ROOT/original_sequences/youtube/c23/videos/000.mp4, ROOT/manipulated_sequences/Deepfakes/c23/videos/000_003.mp4, "
    "... and "
    "the split lists train.json, val.json, test.json in ROOT, ROOT/splits or ROOT/dataset/splits";

// The folder of that name below `parent`, whatever its capitals ("DeepFakes" and "Deepfakes" are both in use).
fs::path child(const fs::path& parent, const std::string& name) {
  for (const auto& folder : subfolders(parent))
    if (to_lower(folder.filename().string()) == to_lower(name)) return folder;
  return parent / name;
}

// SEQUENCE/<compression>/videos; uncompressed videos are called raw or c0.
fs::path videos_folder(const fs::path& sequence, const std::string& compression) {
  std::vector<std::string> names = {compression};
  if (compression == "raw") names.push_back("c0");
  if (compression == "c0") names.push_back("raw");
  for (const auto& name : names)
    if (fs::is_directory(sequence / name / "videos")) return sequence / name / "videos";
  return sequence / compression / "videos";
}

std::vector<fs::path> videos_in(const fs::path& folder) {
  return fs::is_directory(folder) ? list_files(folder, is_video_path) : std::vector<fs::path>{};
}

// Split of every original ("000") and every pair ("000_003", both ways).
std::map<std::string, std::string> read_splits(const fs::path& root) {
  std::map<std::string, std::string> split_of;
  for (const char* split : {"train", "val", "test"}) {
    const std::string name = std::string(split) + ".json";
    fs::path file;
    for (const auto& folder : {root, root / "splits", root / "dataset" / "splits"})
      if (file.empty() && fs::exists(folder / name)) file = folder / name;
    if (file.empty()) throw Error(root.string() + " has no " + name, std::string("expected ") + kTree);
    try {
      for (const auto& pair : read_json(file)) {
        const auto a = pair.at(0).get<std::string>(), b = pair.at(1).get<std::string>();
        split_of[a] = split_of[b] = split_of[a + "_" + b] = split_of[b + "_" + a] = split;
      }
    } catch (const nlohmann::json::exception& error) {
      throw Error(file.string() + " is no list of pairs [[\"071\", \"054\"], ...]: " + error.what(),
                  "download it again");
    }
  }
  return split_of;
}

// `all` pools the paper's four methods, `each` makes a class of each of them.
bool takes_papers_methods(const LayoutRequest& request) {
  return request.methods.empty() || request.methods == std::vector<std::string>{"all"} ||
         request.methods == std::vector<std::string>{"each"};
}

// The manipulations asked for. One that is named and has no video is a mistake; of the paper's four, a set may lack
// some.
std::vector<std::string> wanted_methods(const LayoutRequest& request) {
  if (request.methods == std::vector<std::string>{"none"}) return {};
  if (takes_papers_methods(request)) return {"Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"};
  const fs::path sequences = request.root / "manipulated_sequences";
  for (const auto& method : request.methods) {
    if (!videos_in(videos_folder(child(sequences, method), request.compression)).empty()) continue;
    std::vector<std::string> names;
    for (const auto& folder : subfolders(sequences)) names.push_back(folder.filename().string());
    throw Error(sequences.string() + " has no " + request.compression + " videos of '" + method + "'",
                names.empty() ? std::string("expected ") + kTree : "it has " + join(names, ", "));
  }
  return request.methods;
}

}  // namespace

Listing enumerate_ffpp(const LayoutRequest& request) {
  const std::vector<std::string> methods = wanted_methods(request);
  const bool class_each = request.labels == "methods" || request.methods == std::vector<std::string>{"each"};
  const auto split_of = read_splits(request.root);
  Listing listing;
  size_t promised = 0, originals = 0, unlisted = 0;
  for (const auto& [name, split] : split_of) originals += name.find('_') == std::string::npos;

  const auto add = [&](const fs::path& folder, const std::string& class_name, const std::string& prefix, int frames,
                       size_t expected) {
    promised += expected;
    for (const auto& path : videos_in(folder)) {
      const std::string name = path.stem().string();
      const auto split = split_of.find(name);
      if (split == split_of.end()) {
        ++unlisted;
        continue;
      }
      PrepareEntry entry = video_entry(path, class_name, split->second, prefix + name);
      entry.frames = frames;
      listing.entries.push_back(std::move(entry));
    }
  };
  // Every original stands against one forgery a method: as many times the frames keep the classes even (4 x 32 = 128).
  add(videos_folder(request.root / "original_sequences" / "youtube", request.compression), "real", "youtube_",
      request.frames * static_cast<int>(std::max<size_t>(1, methods.size())), originals);
  for (const auto& method : methods)
    add(videos_folder(child(request.root / "manipulated_sequences", method), request.compression),
        class_each ? method : "fake", method + "_", request.frames, originals);
  if (listing.entries.empty())
    throw Error(request.root.string() + " has no videos of compression " + request.compression,
                std::string("expected ") + kTree);
  if (listing.entries.size() < promised)
    listing.notes.push_back(
        with_thousands(static_cast<long long>(listing.entries.size())) + " of the " +
        with_thousands(static_cast<long long>(promised)) + " videos that the split lists promise (" +
        (methods.empty() ? "originals" : join(methods, ", ")) + ", " + request.compression + ") are on the disk");
  if (unlisted > 0)
    listing.notes.push_back(std::to_string(unlisted) + " videos are in no split list and were left out");
  return listing;
}

Listing enumerate_dfd(const LayoutRequest& request) {
  Listing listing;
  for (const auto& path : videos_in(videos_folder(request.root / "original_sequences" / "actors", request.compression)))
    listing.entries.push_back(video_entry(path, "real", "test", "actors_" + path.stem().string()));
  for (const auto& path : videos_in(
           videos_folder(child(request.root / "manipulated_sequences", "DeepFakeDetection"), request.compression)))
    listing.entries.push_back(video_entry(path, "fake", "test", "DeepFakeDetection_" + path.stem().string()));
  if (listing.entries.empty())
    throw Error(request.root.string() + " has no DeepFakeDetection videos of compression " + request.compression,
                "expected ROOT/original_sequences/actors/c23/videos/*.mp4 and "
                "ROOT/manipulated_sequences/DeepFakeDetection/c23/videos/*.mp4 (or --compression raw)");
  return listing;
}

}  // namespace fsfm
