// How well a parser agrees with hand-drawn maps: confusion counts and F1 per class.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "face/region_map.h"

namespace fsfm {

// Pixel counts over a whole set: F1 is taken once, from the pooled counts, as the LaPa benchmark does.
struct ParsingScore {
  std::array<std::array<uint64_t, kFaceClasses>, kFaceClasses> confusion{};  // [truth][predicted]
  uint64_t faces = 0;

  // Counts one face; pixels whose truth is kIgnoredClass are left out. Throws Error when the lengths differ.
  void add(std::span<const uint8_t> truth, std::span<const uint8_t> predicted);
  // 2 TP / (2 TP + FP + FN); 1 for a class that neither map holds.
  double f1(int face_class) const;
  // Over the ten classes that are not background.
  double mean_f1() const;
  double pixel_accuracy() const;

  nlohmann::json to_json() const;
  // A table for people, one line a class, with the class it is most often taken for.
  std::string to_text() const;
};

}  // namespace fsfm
