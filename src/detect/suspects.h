// Of a video's frames, the faces worth explaining once all are judged.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "detect/detect.h"

namespace fsfm {

// Keeps, of the frames with the highest scores, the face that scored it as the network read it: a film's worst moments
// are among them. Thread-compatible.
class Suspects {
 public:
  struct Kept {
    size_t frame = 0, face = 0;
    double score = 0;
    std::vector<float> input;
  };

  // `inputs`: of all faces, one after the other.
  void consider(std::span<const FaceVerdict> faces, std::span<const float> inputs, size_t frame) {
    std::optional<size_t> highest;
    for (size_t i = 0; i < faces.size(); ++i)
      if (!is_quality_reason(faces[i].reason) && (!highest || faces[i].score > faces[*highest].score)) highest = i;
    if (!highest) return;
    const double score = faces[*highest].score;
    if (kept_.size() >= kMost) {
      const auto least =
          std::min_element(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) { return a.score < b.score; });
      if (least->score >= score) return;
      kept_.erase(least);
    }
    const size_t values = inputs.size() / faces.size();
    const auto input = inputs.subspan(*highest * values, values);
    kept_.push_back({frame, *highest, score, {input.begin(), input.end()}});
  }

  // nullptr: not among them.
  const Kept* of(size_t frame) const {
    const auto kept = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& k) { return k.frame == frame; });
    return kept == kept_.end() ? nullptr : &*kept;
  }

 private:
  static constexpr size_t kMost = 64;  // some 40 MB
  std::vector<Kept> kept_;
};

}  // namespace fsfm
