// Sets of real faces without labels: VGGFace2 and YouTube Faces.
#include "base/error.h"
#include "base/file.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {

Listing enumerate_vggface2(const LayoutRequest& request) {
  Listing listing;
  // Both parts serve pretraining, which knows no split: they stay apart in the names only.
  for (const char* part : {"train", "test"}) {
    const auto folder = request.root / part;
    if (!is_folder(folder)) continue;
    for (const auto& identity : subfolders(folder))
      append_media(listing, identity, "real", "", std::string(part) + "/" + identity.filename().string() + "/");
  }
  if (listing.entries.empty())
    throw Error(request.root.string() + " is no vggface2 tree", "expected ROOT/{train,test}/n000001/0001_01.jpg ...");
  return listing;
}

Listing enumerate_ytf(const LayoutRequest& request) {
  Listing listing;
  std::filesystem::path base = request.root;
  for (const char* name : {"frame_images_DB", "aligned_images_DB"}) {  // whole frames before aligned faces
    if (!is_folder(request.root / name)) continue;
    base = request.root / name;
    break;
  }
  for (const auto& person : subfolders(base)) {
    for (const auto& video : subfolders(person)) {
      const std::string identity = person.filename().string() + "/" + video.filename().string();
      const size_t first = listing.entries.size();
      append_media(listing, video, "real", "");
      // Files are named <video>.<frame>.jpg.
      for (size_t i = first; i < listing.entries.size(); ++i) {
        PrepareEntry& entry = listing.entries[i];
        const std::string frame = entry.path.stem().extension().string();
        entry.video = identity;
        entry.frame = parse_index(frame.empty() ? "" : frame.substr(1)).value_or(static_cast<int64_t>(i - first));
      }
    }
  }
  if (listing.entries.empty())
    throw Error(request.root.string() + " is no ytf tree",
                "expected ROOT/frame_images_DB/<person>/<video>/<video>.<frame>.jpg");
  return listing;
}

}  // namespace fsfm
