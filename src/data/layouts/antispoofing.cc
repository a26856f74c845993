// The cross-domain anti-spoofing benchmarks MCIO and WCS: frame/<domain>/... and lists in txt/.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/layouts/all.h"
#include "data/layouts/walk.h"

namespace fsfm {
namespace {

// A listed picture as it stands, or what the list shortens: a video's two frames "<line>_frame0.png",
// "<line>_frame1.png".
std::vector<fs::path> pictures_of_line(const fs::path& frames, const std::string& line) {
  const fs::path listed = frames / line;
  if (is_image_path(listed)) return {listed};
  std::vector<fs::path> found;
  for (const char* ending : {"_frame0.png", "_frame1.png"})
    if (fs::exists(listed.string() + ending)) found.emplace_back(listed.string() + ending);
  return found;
}

// "<video>_frame0.png" (MCIO) and "<video>_03.jpg" (WCS): the last number is the frame.
void name_video(PrepareEntry& entry, const fs::path& frames) {
  const fs::path relative = fs::path(entry.path.lexically_relative(frames)).replace_extension();
  std::string stem = relative.filename().string();
  const size_t mark = stem.rfind('_');
  std::string digits = mark == std::string::npos ? "" : stem.substr(mark + 1);
  if (digits.starts_with("frame")) digits.erase(0, 5);
  if (const auto frame = parse_index(digits); frame && !relative.generic_string().starts_with("celeb/")) {
    entry.frame = *frame;
    stem.resize(mark);
  }
  entry.video = (relative.parent_path() / stem).generic_string();
}

Listing enumerate_domains(const LayoutRequest& request, const std::string& layout,
                          const std::vector<std::string>& known) {
  require(request.root, "frame", layout,
          "ROOT/frame/<domain>/{train,test}/{real,fake}/ and ROOT/txt/<domain>_{real,fake}_{train,test}.txt");
  require(request.root, "txt", layout,
          "ROOT/frame/<domain>/{train,test}/{real,fake}/ and ROOT/txt/<domain>_{real,fake}_{train,test}.txt");
  const fs::path frames = request.root / "frame";
  Listing listing;
  size_t promised = 0;
  for (const auto& domain : request.domains.empty() ? known : request.domains) {
    if (std::find(known.begin(), known.end(), domain) == known.end())
      throw Error("unknown domain '" + domain + "' of " + layout, "known: " + join(known, ", "));
    std::set<fs::path> taken;  // the published train lists repeat pictures of the test part: the first list wins
    for (const char* split : {"test", "train"}) {
      for (const char* class_name : {"real", "fake"}) {
        const fs::path list = request.root / "txt" / (domain + "_" + class_name + "_" + split + ".txt");
        if (!fs::exists(list)) continue;
        for (const auto& line : read_lines(list)) {
          const fs::path inside = fs::path(line).lexically_normal();
          if (inside.is_absolute() || *inside.begin() == "..")
            throw Error(list.string() + ": '" + line + "' leads outside", "download the list again");
          ++promised;
          for (const auto& path : pictures_of_line(frames, line)) {
            if (!fs::exists(path) || !taken.insert(path).second) continue;
            PrepareEntry entry;
            entry.path = path;
            entry.class_name = class_name;
            entry.split = split;
            name_video(entry, frames);
            listing.entries.push_back(std::move(entry));
          }
        }
      }
    }
  }
  if (listing.entries.empty())
    throw Error(request.root.string() + " has no listed picture of " + layout, "check frame/ and txt/");
  if (listing.entries.size() < promised)
    listing.notes.push_back(std::to_string(promised) + " lines in the lists, " +
                            std::to_string(listing.entries.size()) +
                            " pictures: the others are missing or listed for train and test (then they are test only)");
  return listing;
}

}  // namespace

Listing enumerate_mcio(const LayoutRequest& request) {
  return enumerate_domains(request, "mcio", {"casia", "celeb", "msu", "oulu", "replay"});
}
Listing enumerate_wcs(const LayoutRequest& request) {
  return enumerate_domains(request, "wcs", {"cefa", "surf", "wmca"});
}

}  // namespace fsfm
