// WildDeepfake: face sequences as pictures, one folder each.
#include "base/error.h"
#include "base/file.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {

Listing enumerate_wilddeepfake(const LayoutRequest& request) {
  Listing listing;
  size_t packed = 0;
  for (const char* class_name : {"real", "fake"}) {
    for (const char* split : {"train", "test"}) {
      const fs::path folder = request.root / (std::string(class_name) + "_" + split);
      if (!is_folder(folder)) continue;
      packed += list_files(folder, [](const fs::path& p) {
                  return p.extension() == ".gz" || p.extension() == ".tar";
                }).size();
      append_media(listing, folder, class_name, split);
    }
  }
  if (listing.entries.empty() && packed > 0)
    throw Error(request.root.string() + " holds " + std::to_string(packed) + " archives and no picture",
                "unpack them: for f in */*.tar.gz; do tar -xzf $f -C $(dirname $f); done");
  if (listing.entries.empty())
    throw Error(request.root.string() + " is no wilddeepfake tree",
                "expected ROOT/{real,fake}_{train,test}/<sequence>/.../*.png");
  return listing;
}

}  // namespace fsfm
