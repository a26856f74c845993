// Videos that lie on the disk as folders of pictures: c23/videos/000.mp4, or c23/frames/000/0001.png.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "prepare/layouts/layout.h"

namespace fsfm {

// A video by its file, or by the pictures that somebody took out of it.
struct Clip {
  std::string name;                           // "000"
  std::filesystem::path video;                // empty: there are frames only
  std::vector<std::filesystem::path> frames;  // in the order of time; empty for a video
};

// The clips of `folder`: every video in its sub-folder videos/, and for names without a video the folders of pictures
// in frames/ or images/. Sorted by name; empty when there is nothing.
std::vector<Clip> clips_in(const std::filesystem::path& folder);

// Appends the clip as entries like `entry` (class, split, identity): a video entry, or as many pictures as its frames
// give at `frames` spread evenly or at every `every`-th (> 0). Returns whether frames were taken for a video.
bool append_clip(Listing& listing, const Clip& clip, PrepareEntry entry, int frames, int every);

}  // namespace fsfm
