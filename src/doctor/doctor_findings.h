// The doctor's judgement: from measurements to findings with advice.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "doctor/doctor.h"

namespace fsfm {

// What is measured of every picture, and may give a class away.
enum Feature : size_t {
  kWidth,
  kHeight,
  kIsJpeg,
  kJpegQuality,
  kJpegHistory,
  kBitsPerPixel,
  kSharpness,
  kBrightness,
  kFeatures
};
inline constexpr std::array<const char*, kFeatures> kFeatureNames = {
    "width", "height", "is-jpeg", "jpeg-quality", "jpeg-history", "bits-per-pixel", "sharpness", "brightness"};

// Worst first.
std::vector<Finding> judge(const DoctorReport& report, const Dataset& dataset);

}  // namespace fsfm
