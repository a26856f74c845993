// FaceForensics++ and its DeepFakeDetection part.
#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/frames.h"
#include "prepare/layouts/walk.h"

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

// The clips of SEQUENCE/<compression>; uncompressed videos are called raw or c0.
std::vector<Clip> clips_of(const fs::path& sequence, const std::string& compression) {
  std::vector<std::string> names = {compression};
  if (compression == "raw") names.push_back("c0");
  if (compression == "c0") names.push_back("raw");
  for (const auto& name : names)
    if (auto clips = clips_in(sequence / name); !clips.empty()) return clips;
  return {};
}

// What a tree holds in other compressions, as a way out: "it has c40: --compression c40".
std::string other_compressions(const std::vector<fs::path>& sequences) {
  std::set<std::string> found;
  for (const auto& sequence : sequences)
    for (const char* name : {"raw", "c0", "c23", "c40"})
      if (!clips_in(sequence / name).empty()) found.insert(name);
  if (found.empty()) return std::string("expected ") + kTree;
  return "it has " + join(std::vector(found.begin(), found.end()), ", ") + ": --compression " + *found.begin();
}

// The folder with the three lists; empty when there is none.
fs::path lists_folder(const LayoutRequest& request) {
  if (!request.split_lists.empty()) return request.split_lists;
  for (const auto& folder : {request.root, request.root / "splits", request.root / "dataset" / "splits"})
    for (const char* split : {"train", "val", "test"})
      if (path_exists(folder / (std::string(split) + ".json"))) return folder;
  return {};
}

// Split of every original ("000") and every pair ("000_003", both ways).
std::map<std::string, std::string> read_splits(const LayoutRequest& request) {
  std::map<std::string, std::string> split_of;
  const fs::path folder = lists_folder(request);
  for (const char* split : {"train", "val", "test"}) {
    const fs::path file = folder / (std::string(split) + ".json");
    if (folder.empty() || !path_exists(file))
      throw Error(
          (folder.empty() ? request.root : folder).string() + " has no split list " + std::string(split) + ".json",
          "put train.json, val.json and test.json of github.com/ondyari/FaceForensics (dataset/splits) there, "
          "name their folder with --split-lists, or say --split-lists none for a set without splits");
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
    if (!clips_of(child(sequences, method), request.compression).empty()) continue;
    std::vector<std::string> names;
    for (const auto& folder : subfolders(sequences)) names.push_back(folder.filename().string());
    if (std::any_of(names.begin(), names.end(), [&](const auto& n) { return to_lower(n) == to_lower(method); }))
      throw Error(sequences.string() + " has no " + request.compression + " videos or frames of '" + method + "'",
                  other_compressions({child(sequences, method)}));
    throw Error(sequences.string() + " has no " + request.compression + " videos of '" + method + "'",
                names.empty() ? std::string("expected ") + kTree : "it has " + join(names, ", "));
  }
  return request.methods;
}

}  // namespace

Listing enumerate_ffpp(const LayoutRequest& request) {
  const std::vector<std::string> methods = wanted_methods(request);
  const bool class_each = request.labels == "methods" || request.methods == std::vector<std::string>{"each"};
  const bool has_splits = request.split_lists != "none";
  const auto split_of = has_splits ? read_splits(request) : std::map<std::string, std::string>();
  Listing listing;
  size_t promised = 0, originals = 0, unlisted = 0, found = 0, as_frames = 0;
  for (const auto& [name, split] : split_of) originals += name.find('_') == std::string::npos;

  const auto add = [&](const fs::path& sequence, const std::string& class_name, const std::string& prefix, int frames) {
    promised += originals;
    for (const Clip& clip : clips_of(sequence, request.compression)) {
      const auto split = split_of.find(clip.name);
      if (has_splits && split == split_of.end()) {
        ++unlisted;
        continue;
      }
      PrepareEntry entry;
      entry.class_name = class_name;
      if (has_splits) entry.split = split->second;
      entry.video = prefix + clip.name;
      as_frames += append_clip(listing, clip, std::move(entry), frames, request.every);
      ++found;
    }
  };
  // Every original stands against one forgery a method: as many times the frames keep the classes even (4 x 32 = 128).
  const fs::path real = request.root / "original_sequences" / "youtube";
  std::vector<fs::path> sequences = {real};
  add(real, "real", "youtube_", request.frames * static_cast<int>(std::max<size_t>(1, methods.size())));
  for (const auto& method : methods) {
    sequences.push_back(child(request.root / "manipulated_sequences", method));
    add(sequences.back(), class_each ? method : "fake", method + "_", request.frames);
  }
  if (listing.entries.empty() && unlisted > 0)
    throw Error(
        request.root.string() + " has " + std::to_string(unlisted) + " videos and none of them is in a split list",
        "check the lists, or say --split-lists none");
  if (listing.entries.empty())
    throw Error(request.root.string() + " has no videos or frames of compression " + request.compression,
                other_compressions(sequences));
  if (found < promised)
    listing.notes.push_back(
        with_thousands(static_cast<long long>(found)) + " of the " + with_thousands(static_cast<long long>(promised)) +
        " videos that the split lists promise (" + (methods.empty() ? "originals" : join(methods, ", ")) + ", " +
        request.compression + ") are on the disk");
  if (as_frames > 0)
    listing.notes.push_back(with_thousands(static_cast<long long>(as_frames)) + " of " +
                            with_thousands(static_cast<long long>(found)) +
                            " videos are there as folders of frames, which were taken");
  if (unlisted > 0)
    listing.notes.push_back(std::to_string(unlisted) + " videos are in no split list and were left out");
  return listing;
}

Listing enumerate_dfd(const LayoutRequest& request) {
  Listing listing;
  size_t found = 0, as_frames = 0;
  const auto add = [&](const fs::path& sequence, const char* class_name, const std::string& prefix) {
    for (const Clip& clip : clips_of(sequence, request.compression)) {
      PrepareEntry entry;
      entry.class_name = class_name;
      entry.split = "test";
      entry.video = prefix + clip.name;
      as_frames += append_clip(listing, clip, std::move(entry), clip.video.empty() ? request.frames : 0, request.every);
      ++found;
    }
  };
  const fs::path actors = request.root / "original_sequences" / "actors",
                 fakes = child(request.root / "manipulated_sequences", "DeepFakeDetection");
  add(actors, "real", "actors_");
  add(fakes, "fake", "DeepFakeDetection_");
  if (as_frames > 0)
    listing.notes.push_back(std::to_string(as_frames) + " of " + std::to_string(found) +
                            " videos are there as folders of frames, which were taken");
  if (listing.entries.empty())
    throw Error(request.root.string() + " has no DeepFakeDetection videos of compression " + request.compression,
                clips_of(actors, "raw").empty() && clips_of(fakes, "raw").empty() && clips_of(actors, "c40").empty()
                    ? "expected ROOT/original_sequences/actors/c23/videos/*.mp4 and "
                      "ROOT/manipulated_sequences/DeepFakeDetection/c23/videos/*.mp4 (or --compression raw)"
                    : other_compressions({actors, fakes}));
  return listing;
}

}  // namespace fsfm
