// The page about the verdicts of one run: pictures with their faces, films to scrub, and a table of all inputs.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "detect/detect.h"
#include "report/html_page.h"

namespace fsfm::report {

using Jpeg = std::vector<std::byte>;

// A picture or a frame as the page shows it, small enough to keep.
struct Shot {
  Jpeg picture;             // with boxes and verdicts drawn in
  std::vector<Jpeg> faces;  // of a picture: each face, in the order of its verdicts
  // Of a picture, parallel to `faces`: Explanation::repainted; empty where there is none.
  std::vector<Jpeg> repainted{};
  size_t frame = 0;  // of a video: which of its frames
};
Shot picture_shot(const Image& image, const std::vector<FaceVerdict>& faces);
Shot frame_shot(const Image& frame, const FrameVerdict& verdict, size_t position);

// Frames of a longer film are shown at most so often.
inline constexpr int kMostFrames = 64;

// Grows input by input and holds no picture twice; beyond a few hundred inputs only attacks are shown with their
// picture, and beyond twice as many none: the table always has them all. Thread-compatible.
class DetectPage {
 public:
  // `header`: verdict_header (detect/verdict_json.h).
  explicit DetectPage(nlohmann::json header) : header_(std::move(header)) {}
  // `entry`: verdict_entry, error_entry or skipped_entry; `overall`: the verdict on the input as a whole.
  void add(const nlohmann::json& entry, const std::string& overall, const std::vector<Shot>& shots);
  // `summary`: one line about the run.
  HtmlPage page(const std::string& summary) const;

 private:
  nlohmann::json header_;
  std::string inputs_;  // their markup
  Table table_{"", {"input", "verdict", "score", "why"}, {}, true};
  size_t shown_ = 0, left_out_ = 0;
  std::vector<std::pair<std::string, size_t>> counts_ = {
      {"real", 0}, {"attack", 0}, {"inconclusive", 0}, {"no face", 0}, {"not judged", 0}};
};

}  // namespace fsfm::report
