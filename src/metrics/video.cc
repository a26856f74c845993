#include "metrics/video.h"

#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "metrics/roc.h"

namespace fsfm::metrics {

VideoScores mean_per_video(std::span<const int> labels, std::span<const double> scores,
                           std::span<const std::string> videos) {
  check_scores(labels, scores);
  if (videos.size() != labels.size())
    throw Error("metrics: " + std::to_string(labels.size()) + " frames but " + std::to_string(videos.size()) +
                " video names");
  VideoScores result;
  std::unordered_map<std::string_view, size_t> groups[2];
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto [entry, is_new] = groups[labels[i]].try_emplace(videos[i], result.videos.size());
    if (is_new) {
      result.videos.push_back(videos[i]);
      result.labels.push_back(labels[i]);
      result.scores.push_back(0.0);
      result.frames.push_back(0);
    }
    result.scores[entry->second] += scores[i];
    ++result.frames[entry->second];
  }
  for (size_t v = 0; v < result.scores.size(); ++v) result.scores[v] /= static_cast<double>(result.frames[v]);
  return result;
}

}  // namespace fsfm::metrics
