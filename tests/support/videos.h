// Little video files, made by the test that needs them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "media/image.h"

namespace fsfm::test {

// Writes `frames` frames drawn by `draw(index)`; the codec is MPEG-4 for .mp4 and Motion JPEG for .avi and .mkv.
void write_video(const std::filesystem::path& path, int frames, double fps, const std::function<Image(int)>& draw);

// Sets the rotation in an .mp4's track header: players turn its frames clockwise by 90 degrees.
void rotate_mp4_clockwise(const std::filesystem::path& path);

// Gives the frames of an .mp4 other lengths: the first `frames` last `factor` times as long as the others.
void slow_mp4_start(const std::filesystem::path& path, uint32_t frames, uint32_t factor);

// Sets the duration that an .mkv claims; 0: it does not know.
void set_mkv_duration(const std::filesystem::path& path, double milliseconds);

// Overwrites the bytes of frame `index` (from 0) of an .avi of Motion JPEGs, so that it cannot be decoded.
void damage_avi_frame(const std::filesystem::path& path, int index);

}  // namespace fsfm::test
