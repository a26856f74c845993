// From frames to videos.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace fsfm::metrics {

struct VideoScores {
  std::vector<std::string> videos;  // in the order of first appearance
  std::vector<int> labels;
  std::vector<double> scores;       // mean frame score
  std::vector<std::size_t> frames;  // frames behind each mean
};
// Groups by (video, label): equal names in two classes are two videos (method.md section 7.6). Frames are added in
// order, so that equal frame scores give equal means.
VideoScores mean_per_video(std::span<const int> labels, std::span<const double> scores,
                           std::span<const std::string> videos);

}  // namespace fsfm::metrics
