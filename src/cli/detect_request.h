// What the command line of fsfm detect asks for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "detect/detect.h"

namespace fsfm::cli {

struct DetectRequest {
  std::vector<std::filesystem::path> files;
  std::filesystem::path model, out, report, resume;
  DetectOptions detect;
  int frames = 16;
  double fpr = 0, seconds = 4;  // seconds of the camera
  std::string fail_on, camera;
  bool json = false, jsonl = false, csv = false, stdin_list = false, timings = false;
};

}  // namespace fsfm::cli
