// Folders that are classes, below folders that may be splits.
#include "base/error.h"
#include "base/file.h"
#include "data/layouts/all.h"
#include "data/layouts/walk.h"
#include "data/naming.h"

namespace fsfm {

Listing enumerate_classes(const LayoutRequest& request) {
  Listing listing;
  const auto add_classes = [&](const std::filesystem::path& folder, const std::string& split) {
    for (const auto& class_folder : subfolders(folder))
      append_media(listing, class_folder, class_folder.filename().string(), split);
  };
  bool has_splits = false;
  for (const auto& folder : subfolders(request.root)) {
    if (const auto split = canonical_split(folder.filename().string())) {
      has_splits = true;
      add_classes(folder, *split);
    }
  }
  if (!has_splits) add_classes(request.root, "");
  if (listing.entries.empty() && listing.left_out.empty())
    throw Error(request.root.string() + " has no class folders with pictures or videos",
                "expected ROOT/{real,fake,...}/ or ROOT/{train,val,test}/{real,fake,...}/; for unlabelled pictures use "
                "the layout folder");
  return listing;
}

}  // namespace fsfm
