// The page a pretraining run leaves to be shown: curves, reconstructions over time, masks, attention, features,
// speed, recipe, data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "media/image.h"
#include "report/charts.h"

namespace fsfm::report {

struct PretrainPageFacts {
  std::string title;                // the model's name
  std::string model;                // "ViT-tiny, 224 x 224, patches of 16"
  std::string strategy;             // mask strategy and ratio in words
  std::string recipe;               // TOML
  nlohmann::json data, held_out;    // manifests: {"name", "samples", "videos"}; held_out may be null
  std::vector<nlohmann::json> log;  // the lines of log.jsonl: {"kind", "step", one figure a key}
  int64_t steps = 0, total_steps = 0, faces_per_step = 0;
  int image_side = 224;
  size_t unreadable = 0;           // pictures left out because they cannot be read
  Image masks, attention;          // report/pretrain_pictures.h; empty = no such section
  std::vector<PointGroup> points;  // held-out faces and, where the data has some, attacks; empty = no such chart
};

// Reads reconstructions/ of the run folder; writes report.html there, atomically.
void write_pretrain_page(const std::filesystem::path& run_folder, const PretrainPageFacts& facts);

}  // namespace fsfm::report
