// Any folder of genuine faces: no labels, no splits.
#include "data/layouts/all.h"
#include "data/layouts/walk.h"

namespace fsfm {

Listing enumerate_folder(const LayoutRequest& request) {
  std::vector<PrepareEntry> entries;
  append_media(entries, request.root, "real", "");
  return {std::move(entries), {}};
}

}  // namespace fsfm
