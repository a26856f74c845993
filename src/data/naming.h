// What file names say about a face: its video, its frame, its person. Classes and splits: base/class_names.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/class_names.h"

namespace fsfm {

// A picture's name taken apart: "Deepfakes_033_097_frame_179" -> {"Deepfakes_033_097", 179}.
struct FrameName {
  std::string video;
  int64_t frame = -1;  // -1: the name carries no frame number
};
// `relative` is the picture's path below its class folder. "<video>_frame_<n>.<ext>" names its video; a bare number (or
// "frame_7", "frame7") inside a sub-folder is a frame of the video that the sub-folder is; any other picture is a video
// of its own. The video keeps the sub-folders: equal file names in two folders are two videos (method.md section 7.6).
FrameName parse_frame_name(const std::filesystem::path& relative);

// The second person of the video "real/clip" is "real/clip_person_2"; the first has the video's own name.
std::string person_name(const std::string& video, int person);
// The video that a person was seen in: "real/clip_person_2" -> "real/clip"; any other name as it is.
std::string video_of_person(const std::string& name);

}  // namespace fsfm
