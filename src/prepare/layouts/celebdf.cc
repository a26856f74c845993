// Celeb-DF v1, v2 and ++: three folders and a list of test videos.
#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "prepare/layouts/all.h"
#include "prepare/layouts/frames.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

constexpr const char* kTree =
    "ROOT/{Celeb-real,YouTube-real,Celeb-synthesis}/**.mp4 and ROOT/List_of_testing_videos.txt";

}  // namespace

Listing enumerate_celebdf(const LayoutRequest& request) {
  require(request.root, "Celeb-synthesis", "celebdf", kTree);
  require(request.root, "List_of_testing_videos.txt", "celebdf", kTree);
  // Lines are "1 Celeb-real/id0_0001.mp4": 1 is real, 0 fake.
  std::map<std::string, bool> test_is_real;
  const fs::path list = request.root / "List_of_testing_videos.txt";
  for (const auto& line : read_lines(list)) {
    const size_t gap = line.find_first_of(" \t");
    if (gap == std::string::npos || (line.substr(0, gap) != "0" && line.substr(0, gap) != "1"))
      throw Error(list.string() + ": '" + line + "' is not `0|1 path`", "download the list again");
    std::string name = to_lower(trim(line.substr(gap)));
    std::replace(name.begin(), name.end(), '\\', '/');
    test_is_real[name] = line[0] == '1';
  }
  Listing listing;
  size_t found = 0, as_frames = 0;
  for (const auto& folder : subfolders(request.root)) {
    const std::string part = to_lower(folder.filename().string());
    const bool is_real = part == "celeb-real" || part == "youtube-real";
    if (!is_real && part != "celeb-synthesis") continue;
    const auto add = [&](const Clip& clip, const fs::path& relative) {
      const auto listed = test_is_real.find(to_lower(relative.generic_string()));
      if (listed != test_is_real.end() && listed->second != is_real)
        throw Error(list.string() + " labels " + relative.generic_string() + " against its folder",
                    "download the list again");
      found += listed != test_is_real.end();
      // ++ keeps its methods in Celeb-synthesis/<scenario>/<method>/.
      const bool has_method = std::distance(relative.begin(), relative.end()) > 3;
      const std::string method = has_method ? relative.parent_path().filename().string() : "fake";
      const std::string class_name = is_real ? "real" : request.labels == "methods" ? method : "fake";
      PrepareEntry entry;
      entry.class_name = class_name;
      entry.split = listed != test_is_real.end() ? "test" : "train";
      entry.video = fs::path(relative).replace_extension().generic_string();
      as_frames += append_clip(listing, clip, std::move(entry), clip.video.empty() ? request.frames : 0, request.every);
    };
    const fs::path part_name = folder.filename();
    // Some copies keep the videos in videos/, or their frames in frames/ alone; the list knows neither folder.
    const auto clips = clips_in(folder);
    for (const Clip& clip : clips) add(clip, part_name / (clip.name + ".mp4"));
    if (clips.empty())
      for (const auto& path : list_files(folder, is_video_input))
        add({path.stem().string(), path, {}}, path.lexically_relative(request.root));
  }
  if (as_frames > 0)
    listing.notes.push_back(std::to_string(as_frames) + " videos are there as folders of frames, which were taken");
  if (found < test_is_real.size())
    listing.notes.push_back(std::to_string(found) + " of the " + std::to_string(test_is_real.size()) +
                            " test videos of the list are on the disk");
  return listing;
}

}  // namespace fsfm
