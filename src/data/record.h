// What is stored beside every prepared face (the `.json` of a WebDataset sample).
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "data/statistics.h"
#include "face/region_map.h"
#include "media/image.h"

namespace fsfm {

struct FaceRecord {
  std::string key;         // as SampleRef::key
  std::string class_name;  // "real", "fake", ...
  std::string split;       // "train" | "val" | "test" | ""
  std::string video;       // "<class>/<video>": SampleRef::video without the name of the dataset
  int64_t frame = -1;
  int person = 0;                           // of a video, in order of appearance from 1; 0 = nobody is told apart
  std::string source;                       // the input, relative to the prepared root
  int source_width = 0, source_height = 0;  // of the input picture or frame
  int source_jpeg_quality = 0;              // estimate; 0 = the input is no JPEG
  std::optional<Rect> box;                  // face detector's box in the input; none for ready crops
  float score = 0;                          // face detector's confidence
  std::string face_detector, parser;        // names; "" = not used
  std::optional<RegionMap> regions;
  PixelSums sums;  // of the picture at 224 x 224: mean and deviation of any set follow without decoding

  nlohmann::json to_json() const;
  // Throws Error naming `where` for a missing or ill-typed member.
  static FaceRecord from_json(const nlohmann::json& json, const std::string& where);
};

// 14 x 14 words of 11 bits as 588 hex digits, and back (nullopt: no such text).
std::string regions_to_hex(const RegionMap& regions);
std::optional<RegionMap> regions_from_hex(const std::string& hex);

}  // namespace fsfm
