// Judges one input of fsfm detect; prints nothing.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/detect_request.h"
#include "cli/failure.h"
#include "detect/detect.h"
#include "detect/input_list.h"
#include "report/detect_page.h"

namespace fsfm::cli {

inline constexpr const char* kStandardInput = "-";

// What came of one input.
struct Judged {
  nlohmann::json entry;               // null: interrupted, nothing to tell
  std::string text;                   // the same for people
  Image annotated{};                  // where --out asks for it
  std::vector<report::Shot> shots{};  // where --report asks for them: the picture, or the frames of the video
  std::vector<std::string> warnings{};
  std::optional<Failure> failure{};  // of an input that could not be judged
};

// Never throws for what is wrong with the input. `bytes`: of the picture or video on standard input.
Judged judge_input(Detector& detector, const DetectInput& input, const DetectRequest& request,
                   const std::vector<std::byte>& bytes, StageTimes& times);

}  // namespace fsfm::cli
