// manifest.json: what a prepared dataset holds and how it was made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/statistics.h"

namespace fsfm {

struct ShardInfo {
  std::string file;  // "shards/part-000000.tar", relative to the manifest
  uint64_t samples = 0, bytes = 0;
  std::string sha256;
};

struct Manifest {
  static constexpr int kFormat = 1;
  std::string name;
  std::string form;  // "shards" | "folders"
  std::vector<std::string> classes, attack_classes;
  std::map<std::string, std::map<std::string, uint64_t>> counts;  // split ("" = none) -> class -> samples
  PixelSums sums;                                                 // at 224 x 224; mean and deviation follow
  std::vector<ShardInfo> shards;
  std::map<std::string, uint64_t> outcomes;  // inputs by outcome: {"kept": 90, "no face": 3, ...}
  nlohmann::json made;                       // program version and options

  uint64_t samples() const;
  void count(const std::string& split, const std::string& class_name, uint64_t n = 1) {
    counts[split][class_name] += n;
  }
  // The parts of one job: classes united, counts and sums added, shards listed one after the other.
  void merge(const Manifest& other);

  nlohmann::json to_json() const;
  void write(const std::filesystem::path& file) const;  // atomic
  // Throws Error for a file that is no manifest, of a newer format, or that names shards outside its folder.
  static Manifest read(const std::filesystem::path& file);
};

}  // namespace fsfm
