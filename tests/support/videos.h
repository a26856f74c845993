// Little video files, made by the test that needs them with the program `ffmpeg`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "media/image.h"

namespace fsfm::test {

// `ffmpeg ARGS...`, each argument as it stands. Throws std::runtime_error with its complaint when it fails.
void ffmpeg(const std::vector<std::string>& args);

// Writes `frames` frames drawn by `draw(index)`. `how`: ffmpeg's options for the output; by default the codec is MPEG-4
// for .mp4 and Motion JPEG otherwise.
void write_video(const std::filesystem::path& path, int frames, double fps, const std::function<Image(int)>& draw,
                 std::vector<std::string> how = {});

// All frames of a video as `ffmpeg` converts them to RGB.
std::vector<Image> ffmpeg_frames(const std::filesystem::path& path, int width, int height);

// Overwrites the matrix of an .mp4's track header: x' = a x + c y, y' = b x + d y.
void set_mp4_matrix(const std::filesystem::path& path, int a, int b, int c, int d);
// Players turn its frames clockwise by 90 degrees.
void rotate_mp4_clockwise(const std::filesystem::path& path);

// Gives the frames of an .mp4 other lengths: the first `frames` last `factor` times as long as the others.
void slow_mp4_start(const std::filesystem::path& path, uint32_t frames, uint32_t factor);

// Sets the duration that an .mkv claims; 0: it does not know.
void set_mkv_duration(const std::filesystem::path& path, double milliseconds);

// Overwrites the bytes of frame `index` (from 0) of an .avi of Motion JPEGs, so that it cannot be decoded; `from`: all
// but that part of them.
void damage_avi_frame(const std::filesystem::path& path, int index, double from = 0);

}  // namespace fsfm::test
