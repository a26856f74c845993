#include "data/layouts/layout.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/layouts/all.h"
#include "data/layouts/walk.h"
#include "data/naming.h"
#include "data/prepare/keys.h"

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

}  // namespace

Listing enumerate_layout(const Layout& layout, const LayoutRequest& request) {
  if (!on_disk(request.root)) throw Error(request.root.string() + " does not exist", "check the path");
  Listing listing = layout.enumerate(request);
  std::vector<PrepareEntry>& entries = listing.entries;
  std::string unsupported;
  for (const auto& [extension, count] : listing.unsupported)
    unsupported += (unsupported.empty() ? "" : ", ") + std::to_string(count) + " " + extension;
  if (entries.empty())
    throw Error(request.root.string() + " holds no picture or video of layout " + layout.name +
                    (unsupported.empty() ? "" : " that can be read (" + unsupported + ")"),
                unsupported.empty() ? "check the path and the layout" : "convert them to JPEG first");
  if (!unsupported.empty())
    listing.notes.push_back(unsupported + " files were not looked at: convert them to JPEG first");
  // A set of one attack class is labelled too: without its class folder it would be read back as genuine.
  const bool labelled = std::any_of(entries.begin(), entries.end(), [&](const PrepareEntry& e) {
    return e.class_name != entries.front().class_name || !e.split.empty() || !is_genuine_class(e.class_name);
  });
  KeyMaker keys;
  for (auto& entry : entries) {
    for (std::string* text : {&entry.split, &entry.class_name, &entry.video}) *text = to_utf8(*text);
    std::string key = labelled ? (entry.split.empty() ? "" : entry.split + "/") + entry.class_name + "/" : "";
    key += entry.video;
    if (entry.frame >= 0) key += "_frame_" + std::to_string(entry.frame);
    entry.key = keys.make(key);
  }
  keep_derived_keys_apart(entries, keys);
  return listing;
}

}  // namespace fsfm
