#include "prepare/layouts/layout.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/media_kind.h"
#include "base/text.h"
#include "data/keys.h"
#include "data/naming.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {

const Layout& find_layout(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& layout : layouts()) {
    if (layout.name == name) return layout;
    names.push_back(layout.name);
  }
  const std::string near = nearest_name(name, names);
  throw Error("unknown layout '" + name + "'",
              near.empty() ? "known: " + join(names, ", ") : "did you mean " + near + "?");
}

namespace {

constexpr std::array<const char*, 3> kDerivedKeys = {"_frame_", "_face_", "_person_"};

// The key of a video's frame, a photograph's second face or a video's second person is made of its input's key. Where
// another input has such a name already ("clip.mp4" beside "clip_frame_0.png") the first one gets a key of its own.
void keep_derived_keys_apart(std::vector<PrepareEntry>& entries, KeyMaker& keys) {
  std::vector<std::string> sorted;
  for (const auto& entry : entries) sorted.push_back(entry.key);
  std::sort(sorted.begin(), sorted.end());
  for (auto& entry : entries) {
    const bool taken = std::any_of(kDerivedKeys.begin(), kDerivedKeys.end(), [&](const char* suffix) {
      const std::string start = entry.key + suffix;
      const auto at = std::lower_bound(sorted.begin(), sorted.end(), start);
      return at != sorted.end() && at->starts_with(start);
    });
    if (taken) entry.key = keys.make(entry.key + "-all");
  }
}

std::vector<std::string> classes_of(const std::vector<PrepareEntry>& entries) {
  std::set<std::string> names;
  for (const auto& entry : entries) names.insert(entry.class_name);
  return {names.begin(), names.end()};
}

void decide_classes(Listing& listing, const ClassStatement& stated) {
  const std::vector<std::string> names = classes_of(listing.entries);
  if (listing.names_from_user) {
    require_stated(names, stated);
    listing.attack_classes = infer_attack_classes(names, stated);
  } else if (!listing.attack_classes) {
    listing.attack_classes.emplace();
    for (const auto& name : names)
      if (name != "real" && name != kUnlabelledClass) listing.attack_classes->push_back(name);
  }
}

// A statement that would be ignored is a misunderstanding.
void check_statement(const Layout& layout, const LayoutRequest& request) {
  const bool folder = layout.name == "folder";
  if ((request.stated.unlabelled || !request.class_name.empty()) && !folder)
    throw Error(
        request.stated.unlabelled ? "--unlabelled goes with the layout folder" : "--class goes with the layout folder",
        "the layout " + layout.name + " has classes of its own");
  const bool asks = folder || layout.name == "classes" || layout.name == "list" || layout.name == "csv" ||
                    layout.name == "deepfakebench";
  if (!(request.stated.real.empty() && request.stated.attack.empty()) && !asks)
    throw Error("--real and --attack-classes say nothing to the layout " + layout.name,
                "it knows its classes; leave them out");
}

}  // namespace

Listing enumerate_layout(const Layout& layout, const LayoutRequest& request) {
  if (!path_exists(request.root)) throw Error(request.root.string() + " does not exist", "check the path");
  check_statement(layout, request);
  Listing listing = layout.enumerate(request);
  std::vector<PrepareEntry>& entries = listing.entries;
  std::vector<fs::path> unread;
  for (const auto& entry : listing.left_out) unread.push_back(entry.path);
  const std::string unsupported = count_extensions(unread);
  if (entries.empty())
    throw Error(request.root.string() + " holds no picture or video of layout " + layout.name +
                    (unsupported.empty() ? "" : " that can be read (" + unsupported + ")"),
                unsupported.empty() ? "check the path and the layout" : "convert them to JPEG first");
  if (!unsupported.empty())
    listing.notes.push_back(unsupported + " files are left out (the journal tells why): convert them to JPEG first");
  decide_classes(listing, request.stated);
  for (auto& name : *listing.attack_classes) name = to_utf8(name);  // as the entries' classes below
  // Any other single class is labelled too: without its class folder it would be read back as real.
  const bool labelled = std::any_of(entries.begin(), entries.end(),
                                    [](const PrepareEntry& e) { return e.class_name != "real" || !e.split.empty(); });
  KeyMaker keys;
  const auto complete = [&](PrepareEntry& entry) {
    for (std::string* text : {&entry.split, &entry.class_name, &entry.video}) *text = to_utf8(*text);
    std::string key = labelled ? (entry.split.empty() ? "" : entry.split + "/") + entry.class_name + "/" : "";
    key += entry.video;
    if (entry.frame >= 0) key += "_frame_" + std::to_string(entry.frame);
    entry.key = keys.make(key);
  };
  std::for_each(entries.begin(), entries.end(), complete);
  keep_derived_keys_apart(entries, keys);
  std::for_each(listing.left_out.begin(), listing.left_out.end(), complete);
  return listing;
}

}  // namespace fsfm
