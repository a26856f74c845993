// DiFF: genuine pictures and four kinds of diffusion forgeries.
#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/naming.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {

// Each kind is a class of its own: the protocol reports a figure for each, against the same genuine faces.
Listing enumerate_diff(const LayoutRequest& request) {
  const std::vector<std::string> known = {"FE", "FS", "I2I", "T2I"};
  const std::vector<std::string>& kinds = request.domains.empty() ? known : request.domains;
  for (const auto& kind : kinds)
    if (std::find(known.begin(), known.end(), kind) == known.end())
      throw Error("unknown domain '" + kind + "' of diff", "known: " + join(known, ", "));
  Listing listing;
  for (const auto& folder : subfolders(request.root / "DiFF_real"))
    if (const auto split = canonical_split(folder.filename().string())) append_media(listing, folder, "real", *split);
  const size_t reals = listing.entries.size();
  for (const auto& folder : subfolders(request.root)) {
    const auto split = canonical_split(folder.filename().string());
    if (!split) continue;
    for (const auto& kind : subfolders(folder)) {
      const std::string name = kind.filename().string();
      const auto wanted =
          std::find_if(kinds.begin(), kinds.end(), [&](const std::string& k) { return to_lower(k) == to_lower(name); });
      if (wanted != kinds.end()) append_media(listing, kind, *wanted, *split);
    }
  }
  if (reals == 0 || listing.entries.size() == reals)
    throw Error(request.root.string() + " is no diff tree",
                "expected ROOT/DiFF_real/{train,val,test}/ and ROOT/{val,test}/{FE,FS,I2I,T2I}/");
  return listing;
}

}  // namespace fsfm
