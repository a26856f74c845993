// Are explanations true? They are judged, not believed: by hiding what they point at, and by faults planted on purpose.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "detect/detect.h"
#include "face/parser.h"

namespace fsfm {

struct ExplanationJudgeOptions {
  int faces = 40;                      // attacks for hiding, and real faces for planting
  int window = 4;                      // of the map (detect/explain.h)
  std::filesystem::path foundation{};  // paints what is hidden; "": the mirrored place shows
  uint64_t seed = 0;
  int threads = 0;
  std::function<void(size_t done, size_t all)> progress{};
  std::stop_token stop{};
};

// Means over faces. Deletion: P(attack) while patches are hidden, most important first (lower is better); insertion:
// while they come back to a face of which all is hidden (higher is better).
struct HidingFigures {
  std::string map;  // whose order
  double deletion = 0, insertion = 0;
};

// A real face in which one place was spoilt. Only faces whose odds rise by it count: a network that does not see the
// fault has nothing to explain.
struct PlantedFigures {
  std::string fault;          // "mouth of another", "eye of another", "cheek smoothed"
  int planted = 0, seen = 0;  // faces; those whose odds rose
  double share = 0;           // of the picture that is spoilt: the hit rate of a random map
  double hits = 0;            // the map's highest patch lies in the spoilt place
  double hits_random_head = 0;
  double region_hits = 0;    // the region that speaks most for a forgery is the spoilt one
  double region_chance = 0;  // the same for a region drawn at random
};

struct ExplanationJudgement {
  int attacks = 0;  // faces behind `hiding`
  std::vector<HidingFigures> hiding;
  std::vector<PlantedFigures> planted;
};

// `data`: a dataset with real and attack faces. Throws Error when it lacks one of them. Stopped, it gives what it has.
ExplanationJudgement judge_explanations(const DetectorModel& model, const Dataset& data, FaceParser& parser,
                                        const ExplanationJudgeOptions& options);

}  // namespace fsfm
