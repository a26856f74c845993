// Any folder of genuine faces: no labels, no splits.
#include "data/layouts/all.h"
#include "data/layouts/walk.h"

namespace fsfm {

Listing enumerate_folder(const LayoutRequest& request) {
  Listing listing;
  append_media(listing, request.root, "real", "");
  return listing;
}

}  // namespace fsfm
