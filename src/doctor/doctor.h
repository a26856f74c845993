// What is wrong with a dataset before a model learns it: broken files, leaks between splits, shortcuts between classes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "doctor/near_duplicates.h"

namespace fsfm {

struct DoctorOptions {
  size_t max_samples = 0;  // 0 = all; else a seeded draw
  int threads = 0;
};

struct Finding {
  enum class Level { note, warning, error };
  Level level = Level::note;
  std::string id;      // "broken", "leak-video", "shortcut-jpeg-quality", ...: stable, for scripts
  std::string text;    // one sentence with its figures
  std::string advice;  // what to do about it
};
const char* level_name(Finding::Level level);

// Medians over one class. Sizes and quality are those of the source a face came from, when its preparation noted them.
struct ClassProfile {
  std::string name;
  bool attack = false;
  size_t samples = 0, videos = 0;
  double width = 0, height = 0;  // pixels
  double jpeg_share = 0;         // of the pictures, 0..1
  double jpeg_quality = 0;       // of the JPEGs; 0 = none
  double history_share = 0;      // of the pictures that bear the traces of an earlier JPEG compression, 0..1
  double earlier_quality = 0;    // of that compression; 0 = none
  double bits_per_pixel = 0;     // of the stored file
  double sharpness = 0;          // variance of the Laplacian at 112 x 112
  double brightness = 0;         // 0..1
};

// "90"; "75, then 90" where most pictures were compressed before; "-" without JPEGs.
std::string quality_text(const ClassProfile& profile);

// How well one number alone tells attack from genuine: the area under its ROC curve, folded to 0.5..1.
struct Shortcut {
  std::string feature;
  std::string against;  // "attack" (all of them) or one attack class
  double auc = 0.5;
};

struct DoctorReport {
  std::string name;
  size_t samples = 0, examined = 0;
  std::map<std::string, std::map<std::string, size_t>> counts;  // split -> class -> samples (of all)
  std::vector<ClassProfile> classes;
  std::vector<Shortcut> shortcuts;                     // strongest first; empty with a single kind of class
  std::vector<std::pair<size_t, std::string>> broken;  // sample, reason
  std::vector<NearPair> leaks;                         // near-duplicates in two splits
  // Files that stand, byte by byte, in several splits, or under real and under attack: two samples of each.
  std::vector<std::pair<size_t, size_t>> same_in_splits, same_in_kinds;
  std::map<std::string, std::vector<std::string>> shared_videos, shared_identities;  // name -> splits
  size_t with_regions = 0;                        // examined samples that carry a region map
  std::optional<Normalization> measured, stored;  // mean and deviation
  std::vector<Finding> findings;                  // worst first
};

// Reads every picture once, on all cores. Broken ones are findings, not errors. `progress(done, total)` is called from
// one thread at a time.
DoctorReport examine(const Dataset& dataset, const DoctorOptions& options = {},
                     const std::function<void(uint64_t, uint64_t)>& progress = {});

// Who is seen, as far as the name tells: "client001", "id12", "n000123", and both numbers of "033_097".
std::vector<std::string> identities_in(const std::string& video);

nlohmann::json to_json(const DoctorReport& report, const Dataset& dataset);
std::string format_report(const DoctorReport& report, const Dataset& dataset);

}  // namespace fsfm
