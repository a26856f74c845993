// What file and folder names say about a face: its class, its split and its video.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fsfm {

// Does a class of this name hold genuine faces? real, live, genuine, bonafide, original, authentic, pristine, ... and
// names that begin with one of them at a word border ("real_youtube", "live-1"); case does not matter.
bool is_genuine_class(std::string_view name);
// Does the name plainly say forged or spoofed (fake*, spoof*, attack*, print*, replay*, mask*, ...)? Only used to tell
// class folders from other folders: every class that is not genuine counts as an attack.
bool is_plainly_attack_class(std::string_view name);
// The classes that are not genuine, in the given order. Empty when `classes` names a single genuine class.
std::vector<std::string> infer_attack_classes(const std::vector<std::string>& classes);

// "train", "val" or "test" for the names in use (training, valid, devel, dev, testing, ...); nullopt for anything else.
std::optional<std::string> canonical_split(std::string_view folder_name);

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
