#include "data/layouts/layout.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/layouts/all.h"
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

Listing enumerate_layout(const Layout& layout, const LayoutRequest& request) {
  std::error_code code;
  if (!fs::exists(request.root, code)) throw Error(request.root.string() + " does not exist", "check the path");
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
    std::string key = labelled ? (entry.split.empty() ? "" : entry.split + "/") + entry.class_name + "/" : "";
    key += entry.video;
    if (entry.frame >= 0) key += "_frame_" + std::to_string(entry.frame);
    entry.key = keys.make(key);
  }
  return listing;
}

}  // namespace fsfm
