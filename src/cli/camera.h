// A few seconds of a camera, for fsfm detect --camera.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fsfm::cli {

// `camera`: a number N, for /dev/videoN, or a device's path. Records through the program `ffmpeg` and returns a video
// (Matroska) for VideoReader; nothing when the program is interrupted. Throws Error when there is no such camera
// (naming those that are there), no ffmpeg, or when the camera gives nothing.
std::vector<std::byte> record_camera(const std::string& camera, double seconds);

}  // namespace fsfm::cli
