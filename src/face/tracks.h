// Which faces of a video are the same person.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "face/face.h"
#include "media/image.h"

namespace fsfm {

// Colours of hair, face and clothes around a face's box, each as a normalised histogram (hue and saturation as two
// chroma axes, and brightness). A turned head, a little motion or a small change of light move it little.
struct Appearance {
  static constexpr int kParts = 3, kChroma = 8, kLight = 4, kBins = kChroma * kChroma * kLight;
  std::array<float, kParts * kBins> histogram{};
};

Appearance describe_appearance(const Image& frame, const Rect& box);
// 0 = nothing in common, 1 = equal.
double similarity(const Appearance& a, const Appearance& b);
// Intersection over union, 0..1.
double box_overlap(const Rect& a, const Rect& b);

struct TrackOptions {
  // A face continues a track where it stood before (box_overlap >= min_overlap) if it also looks alike ...
  double min_overlap = 0.25, min_similarity_nearby = 0.42;
  // ... and anywhere in the picture (after a cut, or between sparse frames) if it looks very much alike.
  double min_similarity_anywhere = 0.55;
};

// Turns the faces of successive frames into identities: greedy, best match first, no face twice in one frame. Frames
// may be far apart (a few of a whole video). Thread-compatible; memory grows with the number of people, not of frames.
class FaceTracker {
 public:
  explicit FaceTracker(const TrackOptions& options = {}) : options_(options) {}
  // The identity (0, 1, 2, ... in order of appearance) of each of `faces`, which were found in `frame`.
  std::vector<int> add(const Image& frame, const std::vector<Face>& faces);
  int identities() const { return static_cast<int>(tracks_.size()); }

 private:
  struct Track {
    Rect box;                // where it was seen last
    int64_t last_frame = 0;  // counted in calls of add()
    Appearance appearance;   // running mean
  };
  TrackOptions options_;
  std::vector<Track> tracks_;
  int64_t frames_ = 0;
};

}  // namespace fsfm
