// The cross-domain anti-spoofing benchmarks MCIO and WCS: frame/<domain>/... and lists in txt/.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

// The pictures of a line that are on the disk. A line without extension names a video by its two frames
// "<line>_frame0.png" and "<line>_frame1.png"; so does "<video>_frame0.png" in a test list (the published test looks at
// both, though its lists name one).
std::vector<fs::path> pictures_of_line(const fs::path& frames, const std::string& line, bool test) {
  const fs::path listed = frames / line;
  std::vector<fs::path> found;
  if (is_image_path(listed)) {
    found.push_back(listed);
    std::string stem = listed.stem().string();
    if (test && stem.ends_with("_frame0")) {
      stem.back() = '1';
      found.push_back(listed.parent_path() / (stem + listed.extension().string()));
    }
  } else {
    for (const char* ending : {"_frame0.png", "_frame1.png"}) found.emplace_back(listed.string() + ending);
  }
  std::erase_if(found, [](const fs::path& path) { return !path_exists(path); });
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
  size_t lines = 0, missing = 0, in_both = 0;
  for (const auto& domain : request.domains.empty() ? known : request.domains) {
    if (std::find(known.begin(), known.end(), domain) == known.end())
      throw Error("unknown domain '" + domain + "' of " + layout, "known: " + join(known, ", "));
    std::set<fs::path> trained_on;
    for (const std::string split : {"train", "test"}) {
      for (const char* class_name : {"real", "fake"}) {
        const fs::path list = request.root / "txt" / (domain + "_" + class_name + "_" + split + ".txt");
        if (!path_exists(list)) continue;
        std::set<fs::path> taken;  // lists may name a picture twice
        for (const auto& line : read_lines(list)) {
          const fs::path inside = fs::path(line).lexically_normal();
          if (inside.is_absolute() || *inside.begin() == "..")
            throw Error(list.string() + ": '" + line + "' leads outside", "download the list again");
          ++lines;
          const auto pictures = pictures_of_line(frames, line, split == "test");
          missing += pictures.empty();
          for (const auto& path : pictures) {
            if (!taken.insert(path).second) continue;
            if (split == "train") trained_on.insert(path);
            in_both += split == "test" && trained_on.contains(path);
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
  if (missing > 0)
    listing.notes.push_back(std::to_string(missing) + " of the " + std::to_string(lines) +
                            " lines in the lists name no picture on the disk");
  if (in_both > 0)
    listing.notes.push_back(std::to_string(in_both) +
                            " pictures are listed for train and for test, as published: test on a domain that is not "
                            "trained on");
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
