#include "data/record.h"

#include "base/error.h"

namespace fsfm {
namespace {

constexpr int kGrid = 14;
constexpr size_t kHexPerPatch = 3;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string regions_to_hex(const RegionMap& regions) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(regions.classes.size() * kHexPerPatch);
  for (const uint16_t word : regions.classes)
    for (int shift = 8; shift >= 0; shift -= 4) text += kDigits[(word >> shift) & 15];
  return text;
}

std::optional<RegionMap> regions_from_hex(const std::string& hex) {
  if (hex.size() != kGrid * kGrid * kHexPerPatch) return std::nullopt;
  RegionMap map{kGrid, kGrid, std::vector<uint16_t>(kGrid * kGrid)};
  for (size_t i = 0; i < hex.size(); ++i) {
    const int digit = hex_digit(hex[i]);
    if (digit < 0) return std::nullopt;
    map.classes[i / kHexPerPatch] = static_cast<uint16_t>(map.classes[i / kHexPerPatch] << 4 | digit);
  }
  for (const uint16_t word : map.classes)
    if (word >> kFaceClasses) return std::nullopt;
  return map;
}

nlohmann::json FaceRecord::to_json() const {
  nlohmann::json json = {
      {"key", key},
      {"class", class_name},
      {"split", split},
      {"video", video},
      {"frame", frame},
      {"source",
       {{"path", source}, {"width", source_width}, {"height", source_height}, {"jpeg_quality", source_jpeg_quality}}},
      {"rgb_pixels", sums.pixels},
      {"rgb_sum", sums.sum},
      {"rgb_squares", sums.squares}};
  if (person > 0) json["person"] = person;
  if (box) json["box"] = {box->left, box->top, box->width, box->height};
  if (!face_detector.empty()) json["detector"] = {{"name", face_detector}, {"score", score}};
  if (!parser.empty()) json["parser"] = parser;
  if (regions) json["regions"] = regions_to_hex(*regions);
  return json;
}

FaceRecord FaceRecord::from_json(const nlohmann::json& json, const std::string& where) {
  try {
    FaceRecord record;
    record.key = json.at("key").get<std::string>();
    record.class_name = json.at("class").get<std::string>();
    record.split = json.value("split", "");
    record.video = json.value("video", record.class_name + "/" + record.key);
    record.frame = json.value("frame", int64_t{-1});
    record.person = json.value("person", 0);
    if (const auto source = json.find("source"); source != json.end()) {
      record.source = source->value("path", "");
      record.source_width = source->value("width", 0);
      record.source_height = source->value("height", 0);
      record.source_jpeg_quality = source->value("jpeg_quality", 0);
    }
    if (json.contains("box")) {
      const auto box = json["box"].get<std::array<int, 4>>();
      record.box = Rect{box[0], box[1], box[2], box[3]};
    }
    if (const auto detector = json.find("detector"); detector != json.end()) {
      record.face_detector = detector->value("name", "");
      record.score = detector->value("score", 0.0f);
    }
    record.parser = json.value("parser", "");
    if (json.contains("regions")) {
      record.regions = regions_from_hex(json["regions"].get<std::string>());
      if (!record.regions) throw Error(where + ": 'regions' holds no region map", "prepare the dataset again");
    }
    if (json.contains("rgb_pixels")) {
      record.sums.pixels = json["rgb_pixels"].get<uint64_t>();
      record.sums.sum = json.at("rgb_sum").get<std::array<uint64_t, 3>>();
      record.sums.squares = json.at("rgb_squares").get<std::array<uint64_t, 3>>();
    }
    return record;
  } catch (const nlohmann::json::exception& error) {
    throw Error(where + ": " + error.what(), "prepare the dataset again");
  }
}

}  // namespace fsfm
