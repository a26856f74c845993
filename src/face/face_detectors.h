// The face detectors behind make_face_detector, one function each.
#pragma once

#include <filesystem>
#include <memory>

#include "face/face_detector.h"

namespace fsfm {

// dlib's frontal HOG detector on the picture enlarged `upsample` (0..2) times by two: the published rule's detector.
std::unique_ptr<FaceDetector> make_dlib_hog(int upsample);

enum class BlazeFaceModel { back, front };
// tile_levels: how often the picture is also searched in overlapping tiles, each level finer (0..2).
// Its views of a picture are looked at side by side by `threads` (0 = all cores).
std::unique_ptr<FaceDetector> make_blazeface(BlazeFaceModel model, int tile_levels, int threads);
// True when the weights are there.
bool blazeface_available(BlazeFaceModel model);

// Networks the user brings.
std::unique_ptr<FaceDetector> make_yunet(const std::filesystem::path& onnx);
std::unique_ptr<FaceDetector> make_scrfd(const std::filesystem::path& onnx);
std::unique_ptr<FaceDetector> make_ultraface(const std::filesystem::path& onnx);

}  // namespace fsfm
