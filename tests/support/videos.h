// Little video files, made by the test that needs them.
#pragma once

#include <filesystem>
#include <functional>

#include "media/image.h"

namespace fsfm::test {

// Writes `frames` frames drawn by `draw(index)`; the codec is MPEG-4 for .mp4 and Motion JPEG for .avi.
void write_video(const std::filesystem::path& path, int frames, double fps, const std::function<Image(int)>& draw);

// Sets the rotation in an .mp4's track header: players turn its frames clockwise by 90 degrees.
void rotate_mp4_clockwise(const std::filesystem::path& path);

}  // namespace fsfm::test
