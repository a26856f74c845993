#include "prepare/layouts/frames.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "data/naming.h"
#include "media/video.h"
#include "prepare/layouts/walk.h"

namespace fsfm {
namespace {

// "0007.png", "frame7.jpg", "12.png": their number; -1 for other names.
int64_t frame_of(const fs::path& picture) { return parse_frame_name(fs::path("clip") / picture.filename()).frame; }

// By number ("2" before "10") where all names are numbers, else by name.
void sort_frames(std::vector<fs::path>& frames) {
  if (std::any_of(frames.begin(), frames.end(), [](const fs::path& f) { return frame_of(f) < 0; })) return;
  std::stable_sort(frames.begin(), frames.end(),
                   [](const fs::path& a, const fs::path& b) { return frame_of(a) < frame_of(b); });
}

}  // namespace

std::vector<Clip> clips_in(const fs::path& folder) {
  std::map<std::string, Clip> clips;
  if (is_folder(folder / "videos"))
    for (const auto& video : list_files(folder / "videos", is_video_input)) {
      const std::string name = video.stem().string();
      clips.try_emplace(name, Clip{name, video, {}});
    }
  for (const char* below : {"frames", "images"}) {
    for (const auto& sub : subfolders(folder / below)) {
      const std::string name = sub.filename().string();
      if (clips.contains(name)) continue;
      auto frames = list_files(sub, is_image_path);
      if (frames.empty()) continue;
      sort_frames(frames);
      clips.emplace(name, Clip{name, {}, std::move(frames)});
    }
  }
  std::vector<Clip> sorted;
  for (auto& [name, clip] : clips) sorted.push_back(std::move(clip));
  return sorted;
}

bool append_clip(Listing& listing, const Clip& clip, PrepareEntry entry, int frames, int every) {
  if (!clip.video.empty()) {
    entry.path = clip.video;
    entry.kind = PrepareEntry::Kind::video;
    entry.frames = frames;
    listing.entries.push_back(std::move(entry));
    return false;
  }
  const auto count = static_cast<int64_t>(clip.frames.size());
  std::set<int64_t> used;
  for (const int64_t i : every > 0 ? every_kth_frame(count, every) : linspace_frames(count, frames)) {
    PrepareEntry picture = entry;
    picture.path = clip.frames[static_cast<size_t>(i)];
    picture.frame = frame_of(picture.path);
    if (picture.frame < 0 || !used.insert(picture.frame).second) picture.frame = i;
    listing.entries.push_back(std::move(picture));
  }
  return true;
}

}  // namespace fsfm
